//! Templates: Liquid, Markdown, layouts and the bodies of emails. Pure: no clock, no I/O.
//!
//! A source is parsed once into a [`Template`] and rendered many times against a borrowed
//! [`Scope`](campanile_core::scope::Scope); the same code renders previews and production messages.

mod composition;
pub mod email;
pub mod json_template;
pub mod layout;
pub mod liquid;
mod locale;
pub mod markdown;
pub mod text;

pub use email::{EmailSource, EmailTemplate, RenderedEmail};
pub use json_template::JsonTemplate;
pub use layout::{FooterLink, Layout};
pub use liquid::{
    LOADS_MAX, Limits, Load, Loaded, Notes, Partial, PartialKind, Partials, RenderOptions, Template,
    TemplateError, TenantTranslations, TranslationCatalog, TranslationFile, Translations, Warning,
};

//! Templates: Liquid, Markdown, layouts and the bodies of emails. Pure: no clock, no I/O.
//!
//! A source is parsed once into a [`Template`] and rendered many times against a borrowed
//! [`Scope`](campanile_core::scope::Scope); the same code renders previews and production messages.

mod base_css;
mod blocks;
pub mod branding;
mod composition;
pub mod email;
mod inline;
pub mod json_template;
pub mod layout;
pub mod liquid;
mod locale;
pub mod markdown;
mod markup;
mod mjml;
pub mod text;
pub mod tracking;

pub use email::{EmailBody, EmailSource, EmailTemplate, RenderedEmail, Tracking};
pub use json_template::JsonTemplate;
pub use layout::{FooterLink, Layout, LayoutSource, is_mjml_document};
pub use liquid::{
    LOADS_MAX, Limits, Load, Loaded, Notes, Partial, PartialKind, Partials, RenderOptions, Template,
    TemplateError, TenantTranslations, TranslationCatalog, TranslationFile, Translations, Warning,
};

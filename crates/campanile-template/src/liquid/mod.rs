//! Our own Liquid (templates.md section 2): parsed once to a compact tree, rendered against a borrowed scope.

mod ast;
mod compare;
mod convert;
mod data;
mod error;
mod filters;
mod lexer;
mod moment;
mod number;
mod options;
mod parser;
mod partial;
mod render;
pub(crate) mod split;
mod strftime;
mod template;
mod token;
mod translations;
mod value;

pub use data::{LOADS_MAX, Load, Loaded, Notes, Warning};
pub use error::TemplateError;
pub(crate) use moment::Moment;
pub use options::{Limits, RenderOptions};
pub(crate) use partial::BLOCK_ARGUMENT;
pub use partial::{Partial, PartialKind, Partials};
pub(crate) use render::Budget;
pub use template::Template;
pub use translations::{SYSTEM, TenantTranslations, TranslationCatalog, TranslationFile, Translations};

//! Our own Liquid (templates.md section 2): parsed once to a compact tree, rendered against a borrowed scope.

mod ast;
mod compare;
mod convert;
mod error;
mod filters;
mod lexer;
mod moment;
mod number;
mod options;
mod parser;
mod partial;
mod render;
mod strftime;
mod template;
mod token;
mod value;

pub use error::TemplateError;
pub(crate) use moment::Moment;
pub use options::{Limits, RenderOptions};
pub use partial::{Partial, PartialKind, Partials};
pub(crate) use render::Budget;
pub use template::Template;

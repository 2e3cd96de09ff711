//! Versioned resources: draft, commit, promote (management.md section 4). One mechanism for every kind; adding a kind
//! is one file with its [`Kind`] and a line in [`KINDS`].

mod archive;
mod audience;
mod builtin;
mod canonical;
mod commit;
mod context;
pub(crate) mod default_layout;
mod email_layout;
#[cfg(test)]
pub(crate) mod fixture;
mod guide;
mod message_type;
mod partial;
mod promote;
mod read;
mod save;
mod system_texts;
#[cfg(test)]
mod tests;
mod translation;
mod workflow;
mod write_rules;

pub use archive::archive;
pub use builtin::ensure_builtin;
pub use canonical::{canonical_json, sha};
pub use commit::{Commit, Scope, commit};
pub use context::Context;
pub use guide::step_schemas;
pub use message_type::is_builtin;
pub use promote::{promote_all, promote_one};
pub use read::{Resource, by_key, get, list};
pub(crate) use save::check;
pub use save::{Publish, Saved, Upsert, activate, schedule, upsert, validate};

use campanile_core::problem::FieldProblem;
use campanile_store::{ResourceKind, StoreError};
use campanile_template::{Template, TemplateError};
use serde_json::Value;

/// What one kind of resource brings to the mechanism.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Which.
    pub kind: ResourceKind,
    /// Whether a resource is switched on when it is made in an environment (M4.22).
    pub starts_active: bool,
    /// Checks a document (the inside of the wrapper) and answers the content to store. Pure; checking stored content
    /// again answers the same content.
    pub check: fn(&Value, &Context) -> Result<Value, Vec<FieldProblem>>,
    /// Why a text cannot be the key of a resource.
    pub key_problem: fn(&str) -> Option<&'static str>,
}

/// The kinds of this version, in dependency order (M4.13).
pub const KINDS: &[Kind] = &[
    partial::PARTIAL,
    email_layout::EMAIL_LAYOUT,
    message_type::MESSAGE_TYPE,
    guide::GUIDE,
    audience::AUDIENCE,
    translation::TRANSLATION,
    workflow::WORKFLOW,
];

impl Kind {
    /// What is known about a kind, if this version has it.
    pub fn of(kind: ResourceKind) -> Option<&'static Kind> {
        KINDS.iter().find(|known| known.kind == kind)
    }

    /// True when stored content passes every check of an upsert at present (M4.9).
    pub fn is_valid(&self, content: &Value, context: &Context) -> bool {
        (self.check)(content, context).is_ok()
    }
}

/// What is wrong with the Liquid of a field, as its problem says it.
fn liquid_problem(source: &str) -> Option<String> {
    Template::parse(source).err().map(|error| syntax_problem(&error))
}

pub(crate) fn syntax_problem(error: &TemplateError) -> String {
    // Blocks and MJML are judged too: what is wrong with them is no matter of Liquid.
    match (error.line, error.is_liquid) {
        (0, _) => error.message.clone(),
        (line, false) => format!("{} (line {line})", error.message),
        (line, true) => format!("has invalid Liquid syntax: {} (line {line})", error.message),
    }
}

/// Whether a resource of this kind is switched on when it is made in an environment.
pub fn starts_active(kind: ResourceKind) -> bool {
    Kind::of(kind).is_none_or(|kind| kind.starts_active)
}

/// Who changes something.
#[derive(Debug, Clone)]
pub struct Author {
    /// A member's or a token's name.
    pub name: String,
    /// How to reach the member.
    pub email: String,
}

impl Author {
    /// Someone without an address of their own: a service token, the project folder.
    pub fn without_email(name: impl Into<String>) -> Self {
        Self { name: name.into(), email: "no-reply@localhost".into() }
    }
}

/// Why nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// There is no such resource or commit.
    #[error("the resource does not exist")]
    Missing,
    /// Fields of the document, or parameters, were refused.
    #[error("{}", described(.0))]
    Invalid(Vec<FieldProblem>),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// One field was refused.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, message)])
    }
}

fn described(problems: &[FieldProblem]) -> String {
    let texts: Vec<_> =
        problems.iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect();
    texts.join("; ")
}

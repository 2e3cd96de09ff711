//! The project folder (`--project DIR`): the layout that the CLI's `pull` writes, loaded into the development
//! environment and followed while the server runs (management.md section 20.2).

mod folder;
mod join;
mod load;
mod mails;
mod report;
mod steps;
mod templates;
#[cfg(test)]
mod tests;
mod watch;

pub use load::load;
pub use mails::{ProjectEmail, email_of};
pub use report::{Entry, FileProblem, Outcome, ProjectError, Report};
pub use steps::{LocatedError, ProjectStep, ProjectSteps, branded, steps_of};
pub use templates::{ProjectTemplates, templates};
pub use watch::watch;

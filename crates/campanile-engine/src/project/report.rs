//! What came of loading a project folder.

use std::fmt;
use std::path::PathBuf;

use campanile_store::ResourceKind;

/// The folder cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It is not there, or not a folder.
    #[error("the project folder {0} cannot be read: {1}")]
    Folder(PathBuf, std::io::Error),
    /// There is no environment to load into.
    #[error("there is no development environment to load the project into")]
    NoEnvironment,
}

/// Every resource of the folder, in the order in which it was loaded.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// One for each resource.
    pub entries: Vec<Entry>,
}

/// What came of one resource.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its key: the folder's name.
    pub key: String,
    /// What happened.
    pub outcome: Outcome,
}

/// See [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Saved and committed.
    Saved,
    /// The environment has the same content already.
    Unchanged,
    /// Nothing was saved: the files have mistakes.
    Refused(Vec<FileProblem>),
    /// Nothing was saved, through no fault of the files; worth another try.
    Failed(String),
}

/// Why a resource was refused, and where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Relative to the project folder.
    pub file: PathBuf,
    /// Path inside the document; empty for the file itself.
    pub field: String,
    /// Reads on after the field.
    pub message: String,
}

impl Report {
    /// How many resources were saved, unchanged, and not saved.
    pub fn counts(&self) -> (usize, usize, usize) {
        self.entries.iter().fold((0, 0, 0), |(saved, unchanged, refused), entry| match entry.outcome {
            Outcome::Saved => (saved + 1, unchanged, refused),
            Outcome::Unchanged => (saved, unchanged + 1, refused),
            Outcome::Refused(_) | Outcome::Failed(_) => (saved, unchanged, refused + 1),
        })
    }

    /// Every problem of every resource.
    pub fn problems(&self) -> impl Iterator<Item = &FileProblem> {
        self.entries.iter().flat_map(|entry| match &entry.outcome {
            Outcome::Refused(problems) => problems.as_slice(),
            _ => &[],
        })
    }

    /// Writes to the log what happened; silent about what did not change.
    pub fn log(&self) {
        for Entry { kind, key, outcome } in &self.entries {
            match outcome {
                Outcome::Saved => tracing::info!(kind = kind.as_str(), key, "project: saved and committed"),
                Outcome::Unchanged => tracing::debug!(kind = kind.as_str(), key, "project: unchanged"),
                Outcome::Failed(why) => {
                    tracing::warn!(kind = kind.as_str(), key, "project: not saved: {why}")
                }
                Outcome::Refused(problems) => {
                    for problem in problems {
                        tracing::warn!(kind = kind.as_str(), key, "project: not saved: {problem}");
                    }
                }
            }
        }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if !self.field.is_empty() {
            write!(f, "{} ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

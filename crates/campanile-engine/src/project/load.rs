//! Loading: every resource of the folder is saved and committed in the development environment, or reported.

use std::path::{Path, PathBuf};

use campanile_core::ids::EnvId;

use super::folder::{self, Document, Found};
use super::report::{Entry, FileProblem, Outcome, ProjectError, Report};
use crate::engine::Engine;
use crate::resources::{self, Author, Publish, Refusal, Upsert};

/// Loads a whole folder. What is wrong with one resource never keeps another from being loaded.
pub async fn load(engine: &Engine, project: &Path) -> Result<Report, ProjectError> {
    let found = scan(project.to_owned()).await?;
    load_these(engine, project, found).await
}

/// Looks at the folder on a thread that may block.
pub(super) async fn scan(project: PathBuf) -> Result<Vec<Found>, ProjectError> {
    let path = project.clone();
    let found = tokio::task::spawn_blocking(move || folder::scan(&path)).await;
    found
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|error| ProjectError::Folder(project, error))
}

/// Loads some resources of the folder, in their order.
pub(super) async fn load_these(
    engine: &Engine,
    project: &Path,
    found: Vec<Found>,
) -> Result<Report, ProjectError> {
    let lowest = engine.catalog().environments.first().map(|environment| environment.id);
    let env = lowest.ok_or(ProjectError::NoEnvironment)?;
    let mut report = Report::default();
    for found in found {
        let (kind, key) = (found.kind, found.key.clone());
        let project = project.to_owned();
        let outcome = match tokio::task::spawn_blocking(move || folder::read(&project, found)).await {
            Ok(document) => save(engine, env, document).await,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        report.entries.push(Entry { kind, key, outcome });
    }
    Ok(report)
}

async fn save(engine: &Engine, env: EnvId, mut document: Document) -> Outcome {
    let problems = document.problems();
    if !problems.is_empty() {
        let problems = problems.into_iter();
        let problems = problems.map(|(file, field, message)| FileProblem { file, field, message });
        return Outcome::Refused(problems.collect());
    }
    let upsert = Upsert {
        env,
        kind: document.found.kind,
        key: document.found.key.clone(),
        document: std::mem::take(&mut document.joined.document),
        force: false,
        publish: Some(Publish { message: Some("Project folder".into()), allow_empty: false }),
        author: Author::without_email("Project folder"),
    };
    match resources::upsert(engine, upsert).await {
        Ok(saved) if saved.changed || saved.commit.is_some() => Outcome::Saved,
        Ok(_) => Outcome::Unchanged,
        Err(Refusal::Invalid(problems)) => {
            let located = problems.into_iter().map(|problem| FileProblem {
                file: document.file_of(&problem),
                field: problem.field,
                message: problem.message,
            });
            Outcome::Refused(located.collect())
        }
        Err(other) => Outcome::Failed(other.to_string()),
    }
}

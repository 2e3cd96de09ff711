//! Following the folder: what changes on disk is loaded a second later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::folder::Found;
use super::load::{load_these, scan};
use super::report::{Outcome, Report};
use crate::engine::Engine;

const INTERVAL: Duration = Duration::from_secs(1);

/// Loads the folder and then whatever changes in it, until cancelled; says in the log what happened. A folder that
/// cannot be read is tried again: an editor may be replacing it.
pub async fn watch(engine: Engine, project: PathBuf, cancellation: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Known::default();
    loop {
        tokio::select! {
            () = cancellation.cancelled() => return,
            _ = interval.tick() => {}
        }
        known.follow(&engine, &project).await;
    }
}

/// What the last look saw.
#[derive(Default)]
struct Known {
    resources: Vec<Found>,
    /// Main files of resources that were refused: tried again with the next change, which may be what they lacked.
    refused: Vec<PathBuf>,
    /// The folder could not be read.
    is_away: bool,
}

impl Known {
    async fn follow(&mut self, engine: &Engine, project: &Path) {
        let found = match scan(project.to_owned()).await {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!("project: {error}");
                }
                return;
            }
        };
        self.is_away = false;
        for gone in self.resources.iter().filter(|old| !found.iter().any(|new| new.place() == old.place())) {
            tracing::info!(
                kind = gone.kind.as_str(),
                key = gone.key,
                "project: removed from the folder, the resource stays"
            );
        }
        let due = due(&self.resources, &found, &self.refused);
        self.resources = found;
        if due.is_empty() {
            return;
        }
        match load_these(engine, project, due).await {
            Ok(report) => {
                report.log();
                self.refused =
                    places(&report, &self.resources, |outcome| matches!(outcome, Outcome::Refused(_)));
                let failed =
                    places(&report, &self.resources, |outcome| matches!(outcome, Outcome::Failed(_)));
                // What is not known is new at the next look.
                self.resources.retain(|found| !failed.contains(&found.place()));
            }
            Err(error) => tracing::warn!("project: {error}"),
        }
    }
}

/// What to load: everything that is new or differs, and with it what was refused before.
fn due(old: &[Found], new: &[Found], refused: &[PathBuf]) -> Vec<Found> {
    let changed = |found: &Found| !old.iter().any(|known| known == found);
    if !new.iter().any(changed) {
        return Vec::new();
    }
    new.iter().filter(|found| changed(found) || refused.contains(&found.place())).cloned().collect()
}

/// Main files of the resources with such an outcome.
fn places(report: &Report, resources: &[Found], such: impl Fn(&Outcome) -> bool) -> Vec<PathBuf> {
    let entries = report.entries.iter().filter(|entry| such(&entry.outcome));
    entries
        .filter_map(|entry| resources.iter().find(|found| found.kind == entry.kind && found.key == entry.key))
        .map(Found::place)
        .collect()
}

#[cfg(test)]
mod tests {
    use campanile_store::ResourceKind;

    use super::*;

    fn found(key: &str, bytes: u64) -> Found {
        let folder = Path::new("workflows").join(key);
        let files = [(folder.join("workflow.json"), (bytes, None))].into();
        Found { kind: ResourceKind::Workflow, key: key.into(), folder, main: "workflow.json".into(), files }
    }

    #[test]
    fn loads_what_changed_and_retries_what_was_refused() {
        let (a, b, c) = (|n| found("a", n), |n| found("b", n), |n| found("c", n));
        let c_refused = [c(1).place()];
        for (old, new, refused, want) in [
            (vec![], vec![a(1), b(1)], &[][..], vec!["a", "b"]),
            (vec![a(1), b(1)], vec![a(1), b(1)], &[], vec![]),
            (vec![a(1), b(1)], vec![a(1), b(2)], &[], vec!["b"]),
            (vec![a(1), b(1)], vec![a(1)], &[], vec![]),
            (vec![a(1), c(1)], vec![a(2), c(1)], &c_refused, vec!["a", "c"]),
            (vec![a(1), c(1)], vec![a(1), c(1)], &c_refused, vec![]),
        ] {
            let keys: Vec<_> = due(&old, &new, refused).into_iter().map(|found| found.key).collect();
            assert_eq!(keys, want, "{old:?} {new:?}");
        }
    }
}

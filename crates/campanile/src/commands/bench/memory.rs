//! The server's resident memory, read from /proc while the load runs.

use std::time::Duration;

/// Kilobytes at the start, at most, and at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resident {
    pub(super) first_kb: u64,
    pub(super) peak_kb: u64,
    pub(super) last_kb: u64,
}

/// Reads again and again until aborted or asked for the result.
pub(super) struct MemoryWatch {
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Option<Resident>>,
}

impl MemoryWatch {
    pub(super) fn start(pid: u32) -> Self {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut seen: Option<Resident> = None;
            loop {
                if let Some(kb) = resident_kb(pid) {
                    seen = Some(match seen {
                        None => Resident { first_kb: kb, peak_kb: kb, last_kb: kb },
                        Some(was) => Resident { peak_kb: was.peak_kb.max(kb), last_kb: kb, ..was },
                    });
                }
                tokio::select! {
                    _ = &mut stopped => return seen,
                    () = tokio::time::sleep(Duration::from_millis(250)) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// `None` when /proc never showed such a process.
    pub(super) async fn finish(self) -> Option<Resident> {
        // The task may have ended by itself; then there is nobody to tell.
        let _ = self.stop.send(());
        self.task.await.ok().flatten()
    }
}

fn resident_kb(pid: u32) -> Option<u64> {
    parse_resident_kb(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_resident_kb(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_file() {
        for (text, want) in [
            ("Name:\tcampanile\nVmRSS:\t   38120 kB\nThreads:\t9\n", Some(38_120)),
            ("Name:\tzombie\n", None),
            ("VmRSS:\tmany kB\n", None),
        ] {
            assert_eq!(parse_resident_kb(text), want, "{text}");
        }
    }
}

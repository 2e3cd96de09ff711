//! Which process used a data directory last.
//!
//! Nodes that share a PostgreSQL hold their jobs under a token that is new at each start, and what a node held when it
//! died is free when the leases end. The token stands in the data directory as well, in a file that its process keeps
//! locked. Whoever gets the lock knows that the process before it is gone, and gives back at once what that one held;
//! the jobs of living nodes are never touched. Two nodes on one directory: the second finds the lock taken, and its
//! jobs wait for their leases.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// The locked file; the lock ends with this value or with the process.
pub struct NodeMark(File);

impl NodeMark {
    /// Takes the mark of a data directory; `None` when a living process has it, or when there can be none.
    pub fn take(data_dir: &Path) -> Option<Self> {
        std::fs::create_dir_all(data_dir).ok()?;
        let path = data_dir.join("node.lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).ok()?;
        file.try_lock().ok().map(|()| Self(file))
    }

    /// The token of the process before this one.
    pub fn predecessor(&mut self) -> Option<i64> {
        let mut text = String::new();
        self.0.seek(SeekFrom::Start(0)).ok()?;
        self.0.read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// Puts this process's token in its place.
    pub fn write(&mut self, token: i64) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.seek(SeekFrom::Start(0))?;
        writeln!(self.0, "{token}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_goes_to_the_next_process_and_never_to_two() {
        let dir = std::env::temp_dir().join(format!("campanile-node-{}", uuid::Uuid::new_v4()));
        let mut first = NodeMark::take(&dir).expect("nobody has it");
        assert_eq!(first.predecessor(), None);
        first.write(i64::MAX).expect("the file can be written");
        assert!(NodeMark::take(&dir).is_none());
        drop(first);
        let mut second = NodeMark::take(&dir).expect("the first is gone");
        assert_eq!(second.predecessor(), Some(i64::MAX));
        second.write(7).expect("the file can be written");
        drop(second);
        assert_eq!(NodeMark::take(&dir).expect("the second is gone").predecessor(), Some(7));
        std::fs::remove_dir_all(&dir).expect("the directory is ours");
    }
}

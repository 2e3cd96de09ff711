//! Where content may be written (M4.5, M4.6).

/// What is known about the place of a write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target {
    /// The lowest environment: where resources are made.
    pub is_lowest: bool,
    /// The account lets members write in higher environments.
    pub open_for_writes: bool,
    /// The resource exists in a lower environment, so that is where it originates.
    pub exists_below: bool,
}

/// Why saving is refused, as the message of the field `environment`.
pub(super) fn refuses_save(target: Target, force: bool) -> Option<&'static str> {
    if target.is_lowest || force {
        return None;
    }
    if !target.open_for_writes {
        return Some("must be the development environment; commit there and promote, or set force");
    }
    target
        .exists_below
        .then_some("is not where the resource was created; change it there and promote, or set force")
}

/// Why committing is refused (S10).
pub(super) fn refuses_commit(target: Target) -> Option<&'static str> {
    (!target.is_lowest && !target.open_for_writes)
        .then_some("must be the development environment; promote its commits instead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_table() {
        // lowest, open, exists below, force → save, commit
        for (is_lowest, open_for_writes, exists_below, force, save, commit) in [
            (true, false, false, false, true, true),
            (true, false, false, true, true, true),
            (false, false, false, false, false, false),
            (false, false, true, false, false, false),
            (false, false, true, true, true, false),
            (false, true, false, false, true, true),
            (false, true, true, false, false, true),
            (false, true, true, true, true, true),
        ] {
            let target = Target { is_lowest, open_for_writes, exists_below };
            assert_eq!(refuses_save(target, force).is_none(), save, "{target:?} force={force}");
            assert_eq!(refuses_commit(target).is_none(), commit, "{target:?}");
        }
    }
}

//! Which roots a program reads, so that only those are built for a run.

use super::{Op, OpKind};

/// Roots that cost something to build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Roots {
    pub(crate) recipient: bool,
    pub(crate) actor: bool,
    pub(crate) tenant: bool,
    /// `activities` or `actors`.
    pub(crate) activities: bool,
    pub(crate) workflow: bool,
    pub(crate) current_message: bool,
}

impl Roots {
    /// Everything that conditions can read.
    pub(crate) const ALL: Self = Self {
        recipient: true,
        actor: true,
        tenant: true,
        workflow: true,
        activities: false,
        current_message: false,
    };

    /// Conditions may read anything; templates say what they read.
    pub(super) fn of(ops: &[Op], has_conditions: bool) -> Self {
        let mut roots = Self {
            recipient: has_conditions,
            actor: has_conditions,
            tenant: has_conditions,
            activities: false,
            workflow: has_conditions,
            current_message: false,
        };
        for op in ops {
            match &op.kind {
                OpKind::Channel(channel) => {
                    roots.recipient |= channel.mentions("recipient");
                    // `activities` and `actors` hold actors and recipients too.
                    let batch = channel.mentions("activities") || channel.mentions("actors");
                    roots.recipient |= batch;
                    roots.activities |= batch;
                    roots.workflow |= channel.mentions("workflow");
                    roots.current_message |= channel.mentions("current_message");
                    roots.actor |= batch || channel.mentions("actor");
                    roots.tenant |= channel.mentions("tenant") || channel.mentions("vars");
                }
                OpKind::Delay { until_path: Some(_), .. } => {
                    roots = Self { recipient: true, actor: true, tenant: true, ..roots };
                }
                // The recipient's timezone decides the next one.
                OpKind::Delay { .. } | OpKind::Branch(_) | OpKind::Jump(_) | OpKind::End => {}
            }
        }
        roots
    }
}

//! What runs do, by the clock (workflows.md sections 7 to 12 and 21).

mod branches;
mod cancellation;
mod conditions;
mod delays;
mod failures;
mod frequency;
mod restart;
mod send_windows;
mod statuses;

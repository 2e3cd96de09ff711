//! Why a provider did not tell what a channel picker asked.

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It says no, with its own word for the reason.
    Refused(String),
    /// It wants to be asked less often.
    Throttled,
    /// It did not answer, or not in its own words.
    Unavailable(String),
}

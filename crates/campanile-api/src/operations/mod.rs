//! Every operation of both APIs. The router is built from this list, so a path is either answered or says 501.

mod admin;
mod management;
mod public;

/// Which document an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Environment keys.
    Public,
    /// Service tokens.
    Management,
    /// Service tokens; what the peer's API lacks but a self-hoster needs.
    Admin,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Secret keys only.
    Secret,
    /// Public keys too (api-conventions.md section 8).
    Client,
    /// Service tokens.
    Service,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Whose.
    pub api: Api,
    /// `GET`, `PUT`, …
    pub method: &'static str,
    /// Template, with `{parameters}`.
    pub path: &'static str,
    /// `operationId` of the document.
    pub id: &'static str,
    /// Who may call.
    pub access: Access,
    /// Rate tier; 0 is none.
    pub tier: u8,
}

impl Operation {
    const fn new(
        api: Api,
        method: &'static str,
        path: &'static str,
        id: &'static str,
        access: Access,
        tier: u8,
    ) -> Self {
        Self { api, method, path, id, access, tier }
    }
}

/// Further paths of operations, which other documents of the peer print (in-app.md C1). A parameter that the gate reads
/// stands at the same place as in the operation's own path.
pub const ALIASES: &[(&str, &str)] = &[
    ("/v1/users/{user_id}/guides/{channel_id}/messages/{message_id}/seen", "markUserGuideAsSeen"),
    ("/v1/users/{user_id}/guides/{channel_id}/messages/{message_id}/interacted", "markUserGuideAsInteracted"),
    ("/v1/users/{user_id}/guides/{channel_id}/messages/{message_id}/archived", "markUserGuideAsArchived"),
];

/// All operations, public ones first.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    public::OPERATIONS.iter().chain(management::OPERATIONS).chain(admin::OPERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ids_are_those_of_the_documents() {
        let of = |api| all().filter(|op| op.api == api).count();
        assert_eq!((of(Api::Public), of(Api::Management)), (118, 97));
        let mut ids: Vec<_> = all().map(|op| op.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all().count());
    }
}

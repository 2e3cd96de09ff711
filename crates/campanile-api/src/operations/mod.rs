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

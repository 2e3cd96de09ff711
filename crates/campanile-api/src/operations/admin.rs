//! Operations that only a self-hoster needs.

use super::{Access, Api, Operation};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Api::Admin, "GET", "/v1/admin/clock", "adminGetClock", Access::Service, 0),
    Operation::new(Api::Admin, "POST", "/v1/admin/clock", "adminMoveClock", Access::Service, 0),
    Operation::new(Api::Admin, "GET", "/v1/admin/channels", "adminListChannels", Access::Service, 0),
    Operation::new(Api::Admin, "PUT", "/v1/admin/channels/{key}", "adminSetChannel", Access::Service, 0),
    Operation::new(Api::Admin, "GET", "/v1/admin/keys", "adminListKeys", Access::Service, 0),
    Operation::new(Api::Admin, "POST", "/v1/admin/keys", "adminCreateKey", Access::Service, 0),
    Operation::new(Api::Admin, "DELETE", "/v1/admin/keys/{hint}", "adminRevokeKey", Access::Service, 0),
    Operation::new(Api::Admin, "GET", "/v1/admin/environments", "adminListEnvironments", Access::Service, 0),
    Operation::new(
        Api::Admin,
        "PUT",
        "/v1/admin/environments/{environment}",
        "adminSetEnvironment",
        Access::Service,
        0,
    ),
    Operation::new(Api::Admin, "GET", "/v1/admin/signing_keys", "adminListSigningKeys", Access::Service, 0),
    Operation::new(Api::Admin, "POST", "/v1/admin/signing_keys", "adminCreateSigningKey", Access::Service, 0),
    Operation::new(
        Api::Admin,
        "DELETE",
        "/v1/admin/signing_keys/{id}",
        "adminRevokeSigningKey",
        Access::Service,
        0,
    ),
    Operation::new(Api::Admin, "GET", "/v1/admin/logs", "adminListLogs", Access::Service, 0),
    Operation::new(Api::Admin, "GET", "/v1/admin/logs/{id}", "adminGetLog", Access::Service, 0),
];

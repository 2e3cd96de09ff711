//! Users, objects and tenants as requests name them (recipients.md sections 1-9). Being written.

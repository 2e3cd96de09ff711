//! From when on messages can be read (delivery.md section 12).

use campanile_core::ids::EnvId;
use campanile_core::time::{Micros, Timestamp};
use serde_json::Value;

use crate::engine::Engine;

impl Engine {
    /// What was inserted before this is invisible, whether it was pruned already or not.
    pub fn readable_since(&self, env: EnvId) -> Timestamp {
        let catalog = self.catalog();
        let settings = catalog.environment_by_id(env).map_or("", |env| env.settings.as_str());
        let days = days(settings, self.options().retention_days);
        self.clock().now() + Micros(-Micros::seconds(days.saturating_mul(86_400)).0)
    }
}

/// `retention_days` of an environment's settings, else the server's, at least 1 (R12.4; one setting for a self-hosted
/// server, api-conventions.md section 13).
fn days(settings: &str, of_server: u32) -> i64 {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    settings.get("retention_days").and_then(Value::as_i64).unwrap_or(i64::from(of_server)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_setting() {
        for (settings, want) in
            [("", 60), ("{}", 60), (r#"{"retention_days":90}"#, 90), (r#"{"retention_days":0}"#, 1)]
        {
            assert_eq!(days(settings, 60), want, "{settings}");
        }
    }
}

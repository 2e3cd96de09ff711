//! `schedules.create`: recipients may repeat, each row makes a schedule of its own (workflows.md section 22).

use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_store::{StoreError, Tx};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Applied, Chunk, ErrorItem, Kind};
use crate::catalog::Catalog;
use crate::schedules::{NewSchedule, create, parse_new};

pub(super) static CREATE_SCHEDULES: Kind =
    Kind { name: "schedules.create", rows_at_once: 100, apply: |chunk, tx| create_all(chunk, tx) };

fn create_all<'t>(chunk: Chunk, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let mut applied = Applied::default();
        let (mut sound, mut rows) = (Vec::new(), Vec::new());
        for row in chunk.rows() {
            match read(row, &chunk.catalog, chunk.env) {
                Some(new) => {
                    sound.push(new);
                    rows.push(row);
                }
                None => applied.failed.push(error_item(row)),
            }
        }
        for (row, made) in rows.into_iter().zip(create(tx, chunk.env, sound, chunk.now).await?) {
            match made {
                Ok(_) => applied.succeeded += 1,
                Err(_) => applied.failed.push(error_item(row)),
            }
        }
        Ok(applied)
    })
}

fn read(row: &Value, catalog: &Arc<Catalog>, env: EnvId) -> Option<NewSchedule> {
    let mut problems = Problems::default();
    let new = parse_new(row.as_object()?, catalog, env, &mut problems);
    problems.into_result(new).ok().flatten()
}

/// A row is known by its recipient.
pub(super) fn error_item(row: &Value) -> ErrorItem {
    let recipient = &row["recipient"];
    super::error_item(recipient, recipient["collection"].as_str())
}

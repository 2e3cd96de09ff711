//! What was asked and answered over HTTP (api-conventions.md section 13).

use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;

use crate::db::{Bulk, Column, Cost, Param, Row, Store};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Bytes of a log's id, which is the request id: microseconds (7), a counter (3), randomness (5).
pub const LOG_ID_BYTES: usize = 15;
/// Logs looked through for one page when a filter has no index of its own: bounds what a rare match may cost.
const LOOKED_THROUGH_MAX: i64 = 50_000;
/// Rows deleted in one transaction at the most.
const SLICE: i64 = 10_000;

/// One request with its answer. Bodies are shortened and free of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiLog {
    /// Whose; 0 is the account: the management API, and requests without a valid key.
    pub env: EnvId,
    /// The request id, decoded.
    pub id: [u8; LOG_ID_BYTES],
    /// Operation id.
    pub operation: String,
    /// `GET`, …
    pub method: String,
    /// With its query.
    pub path: String,
    /// HTTP status.
    pub status: i64,
    /// Until the answer began.
    pub duration_us: i64,
    /// Hint of the key, or name of the service token.
    pub credential: Option<String>,
    /// Subject of the user token.
    pub user: Option<String>,
    /// Which SDK asked, as it says of itself.
    pub client: Option<String>,
    /// JSON.
    pub request: Option<String>,
    /// JSON.
    pub response: Option<String>,
}

/// Which logs a list shows.
#[derive(Debug, Clone, Default)]
pub struct ApiLogFilter {
    /// Succeeded (below 400) or failed.
    pub failed: Option<bool>,
    /// Operation id.
    pub operation: Option<String>,
    /// HTTP method.
    pub method: Option<String>,
    /// Subject of the user token.
    pub user: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

const COLUMNS: [(&str, Column); 12] = [
    ("env", Column::Int),
    ("id", Column::Blob),
    ("operation", Column::Text),
    ("method", Column::Text),
    ("path", Column::Text),
    ("status", Column::Int),
    ("duration_us", Column::Int),
    ("credential", Column::Text),
    ("user_id", Column::Text),
    ("client", Column::Text),
    ("request", Column::Text),
    ("response", Column::Text),
];
static INSERT: LazyLock<Bulk> = LazyLock::new(|| Bulk::new("api_logs", &COLUMNS, "ON CONFLICT DO NOTHING"));
const SELECT: &str = "SELECT env, id, operation, method, path, status, duration_us, credential, user_id, client, \
                      request, response FROM api_logs";

impl ApiLog {
    /// When the request came: its id begins with the microseconds.
    pub fn at(&self) -> Timestamp {
        let mut micros = [0u8; 8];
        micros[1..].copy_from_slice(&self.id[..7]);
        Timestamp(i64::from_be_bytes(micros))
    }

    /// The smallest id of an instant.
    pub fn floor(at: Timestamp) -> [u8; LOG_ID_BYTES] {
        let mut id = [0u8; LOG_ID_BYTES];
        id[..7].copy_from_slice(&at.0.max(0).to_be_bytes()[1..]);
        id
    }
}

fn api_log(mut row: Row) -> Result<ApiLog, StoreError> {
    let id = <[u8; LOG_ID_BYTES]>::try_from(row.blob(1)?);
    Ok(ApiLog {
        env: EnvId(row.int(0)?),
        id: id.map_err(|_| StoreError::corrupt("an API log has an id of another length"))?,
        operation: row.text(2)?,
        method: row.text(3)?,
        path: row.text(4)?,
        status: row.int(5)?,
        duration_us: row.int(6)?,
        credential: row.opt_text(7)?,
        user: row.opt_text(8)?,
        client: row.opt_text(9)?,
        request: row.opt_text(10)?,
        response: row.opt_text(11)?,
    })
}

fn values(log: &ApiLog) -> [Param<'static>; COLUMNS.len()] {
    let opt = |text: &Option<String>| text.clone().map_or(Param::Null, Param::from);
    [
        log.env.into(),
        Param::Blob(log.id.to_vec().into()),
        log.operation.clone().into(),
        log.method.clone().into(),
        log.path.clone().into(),
        log.status.into(),
        log.duration_us.into(),
        opt(&log.credential),
        opt(&log.user),
        opt(&log.client),
        opt(&log.request),
        opt(&log.response),
    ]
}

impl Store {
    /// Writes many logs in one transaction.
    pub async fn insert_api_logs(&self, logs: Vec<ApiLog>) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                let rows: Vec<Param<'static>> = logs.iter().flat_map(values).collect();
                tx.insert(&INSERT, &rows).await.map(drop)
            })
        })
        .await
    }

    /// One log.
    pub async fn api_log(&self, env: EnvId, id: &[u8]) -> Result<Option<ApiLog>, StoreError> {
        let sql = format!("{SELECT} WHERE env = $1 AND id = $2");
        self.query_one(&sql, &[env.into(), id.into()]).await?.map(api_log).transpose()
    }

    /// A page of an environment's logs, newest first. Operation, method and user are looked for among the newest
    /// 50,000 logs of the time asked for.
    pub async fn list_api_logs(
        &self,
        env: EnvId,
        filter: &ApiLogFilter,
        request: &PageRequest,
    ) -> Result<Page<ApiLog>, StoreError> {
        let mut params: Vec<Param<'_>> = vec![env.into()];
        let mut bounds = String::from("env = $1");
        let place = |params: &mut Vec<Param<'_>>, text: &mut String, test: &str, value: Param<'static>| {
            params.push(value);
            text.push_str(&format!(" AND {test} ${}", params.len()));
        };
        let id = |bytes: &[u8]| Param::Blob(bytes.to_vec().into());
        if let Some(from) = filter.from {
            place(&mut params, &mut bounds, "id >=", id(&ApiLog::floor(from)));
        }
        if let Some(until) = filter.until {
            place(&mut params, &mut bounds, "id <", id(&ApiLog::floor(until)));
        }
        let (compared, order) = if request.is_backward() { ("id >", "ASC") } else { ("id <", "DESC") };
        if let Some(key) = request.key() {
            place(&mut params, &mut bounds, compared, id(key));
        }
        match filter.failed {
            Some(true) => bounds.push_str(" AND status >= 400"),
            Some(false) => bounds.push_str(" AND status < 400"),
            None => {}
        }
        let mut tests = String::from("1 = 1");
        for (column, value) in
            [("operation =", &filter.operation), ("method =", &filter.method), ("user_id =", &filter.user)]
        {
            if let Some(value) = value {
                place(&mut params, &mut tests, column, value.clone().into());
            }
        }
        params.push(Param::Int(LOOKED_THROUGH_MAX));
        let looked_through = params.len();
        params.push(Param::Int(request.size as i64 + 1));
        let sql = format!(
            "SELECT * FROM ({SELECT} WHERE {bounds} ORDER BY id {order} LIMIT ${looked_through}) AS newest \
             WHERE {tests} ORDER BY id {order} LIMIT ${}",
            params.len()
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(api_log).collect::<Result<Vec<_>, _>>()?;
        Ok(request.page(rows, |log| log.id.to_vec()))
    }

    /// Deletes one slice of logs older than `until`, of every environment. Answers how many went; fewer than a slice
    /// means that nothing is left.
    pub async fn prune_api_logs(&self, until: Timestamp) -> Result<u64, StoreError> {
        let bound = ApiLog::floor(until).to_vec();
        let mut envs: Vec<EnvId> = self.environments().await?.into_iter().map(|env| env.id).collect();
        envs.push(EnvId(0));
        self.transact(move |tx| {
            Box::pin(async move {
                let mut gone = 0;
                for env in envs {
                    let sql = "DELETE FROM api_logs WHERE env = $1 AND id IN \
                               (SELECT id FROM api_logs WHERE env = $1 AND id < $2 ORDER BY id LIMIT $3)";
                    let bound = Param::Blob((&bound).into());
                    gone += tx.execute(sql, &[env.into(), bound, Param::Int(SLICE)]).await?;
                }
                Ok(gone)
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_instant() {
        for micros in [0, 1, 1_772_442_000_000_000, (1 << 55) - 1] {
            let at = Timestamp(micros);
            let log = ApiLog {
                env: EnvId(1),
                id: ApiLog::floor(at),
                operation: String::new(),
                method: String::new(),
                path: String::new(),
                status: 200,
                duration_us: 0,
                credential: None,
                user: None,
                client: None,
                request: None,
                response: None,
            };
            assert_eq!(log.at(), at);
        }
    }
}

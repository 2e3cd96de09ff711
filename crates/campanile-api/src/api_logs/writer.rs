//! The task that writes logs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_store::ApiLog;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Entry, Message, body, keeps_request};
use crate::app::App;

/// Rows in one transaction at the most: whoever commits behind them waits about a millisecond.
const ROWS_MAX: usize = 128;
/// How long the first log of a group waits for others, so that a quiet server does not flush its disk for each.
const GATHER: Duration = Duration::from_millis(250);

/// Writes logs until told to stop, and then what still waits.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let Some(mut waiting) = app.api_logs().waiting.lock().take() else { return };
    while !stop.is_cancelled() {
        let first = tokio::select! {
            first = waiting.recv() => first,
            () = stop.cancelled() => None,
        };
        let Some(first) = first else { break };
        let (entries, flushed) = gather(first, &mut waiting, &stop).await;
        write(&app, entries).await;
        for done in flushed {
            let _ = done.send(());
        }
    }
    waiting.close();
    let (mut entries, mut flushed) = (Vec::new(), Vec::new());
    while let Ok(message) = waiting.try_recv() {
        sort(message, &mut entries, &mut flushed);
    }
    write(&app, entries).await;
    // Whoever waits for a flush hears its end by the channel's.
}

fn sort(message: Message, entries: &mut Vec<Entry>, flushed: &mut Vec<oneshot::Sender<()>>) {
    match message {
        Message::Log(entry) => entries.push(*entry),
        Message::Flush(done) => flushed.push(done),
    }
}

/// A group: until it is full, somebody waits for it, or its time is over.
async fn gather(
    first: Message,
    waiting: &mut mpsc::Receiver<Message>,
    stop: &CancellationToken,
) -> (Vec<Entry>, Vec<oneshot::Sender<()>>) {
    let (mut entries, mut flushed) = (Vec::new(), Vec::new());
    sort(first, &mut entries, &mut flushed);
    let over = tokio::time::sleep(GATHER);
    tokio::pin!(over);
    while entries.len() < ROWS_MAX && flushed.is_empty() {
        tokio::select! {
            message = waiting.recv() => match message {
                Some(message) => sort(message, &mut entries, &mut flushed),
                None => break,
            },
            () = &mut over => break,
            () = stop.cancelled() => break,
        }
    }
    (entries, flushed)
}

async fn write(app: &App, entries: Vec<Entry>) {
    let bytes: usize = entries.iter().map(Entry::bytes).sum();
    let mut entries = entries.into_iter();
    loop {
        let slice: Vec<Entry> = entries.by_ref().take(ROWS_MAX).collect();
        if slice.is_empty() {
            break;
        }
        let count = slice.len() as u64;
        // Parsing and shortening is work for a processor, not for a thread that answers requests.
        let rows = tokio::task::spawn_blocking(move || slice.into_iter().filter_map(row).collect::<Vec<_>>());
        let written = match rows.await {
            Ok(rows) => app.store().insert_api_logs(rows).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match written {
            Ok(()) => drop(app.engine().metrics().api_logs_written.inc_by(count)),
            Err(error) => {
                tracing::warn!(%error, count, "API logs could not be written");
                app.engine().metrics().api_logs_dropped.inc_by(count);
            }
        }
    }
    app.api_logs().queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
}

fn row(entry: Entry) -> Option<ApiLog> {
    let kept = |bytes: &bytes::Bytes| body::kept(bytes);
    Some(ApiLog {
        env: entry.env,
        id: URL_SAFE_NO_PAD.decode(&entry.request_id).ok()?.try_into().ok()?,
        operation: entry.operation.id.to_owned(),
        method: entry.operation.method.to_owned(),
        path: body::path(&entry.path),
        status: i64::from(entry.status),
        duration_us: entry.duration_us,
        credential: entry.credential.map(|credential| credential.to_string()),
        user: entry.user,
        client: entry.client,
        request: entry.request.as_ref().filter(|_| keeps_request(entry.operation)).map(kept),
        response: entry.response.as_ref().map(kept),
    })
}

//! `page_info` of both APIs.

use campanile_store::Page;
use serde_json::{Value, json};

use crate::app::App;

/// The public form, with `__typename` (api-conventions.md section 6).
pub fn public<T>(app: &App, list: &str, page: &Page<T>, size: usize) -> Value {
    let text =
        |cursor: &Option<campanile_store::Cursor>| cursor.as_ref().map(|c| c.encode(list, app.cursor_key()));
    json!({"__typename": "PageInfo", "after": text(&page.after), "before": text(&page.before), "page_size": size})
}

/// The management form.
pub fn management<T>(app: &App, list: &str, page: &Page<T>, size: usize) -> Value {
    let text =
        |cursor: &Option<campanile_store::Cursor>| cursor.as_ref().map(|c| c.encode(list, app.cursor_key()));
    json!({"after": text(&page.after), "before": text(&page.before), "page_size": size})
}

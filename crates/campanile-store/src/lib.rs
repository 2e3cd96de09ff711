//! Everything that touches a database: schema, migrations and every SQL statement, once for SQLite and PostgreSQL.
//!
//! Writes go through a group commit (`db/`): whatever waits when a transaction ends is written by the next one, and
//! each caller is answered when its part is durable. Engine work is written as a [`Unit`], whose guard decides inside
//! the transaction whether the unit still stands; everything else is a closure over a [`Tx`].

mod accounts;
mod api_logs;
mod audiences;
mod broadcasts;
mod bulk_operations;
mod cancelling;
mod channel_data;
mod db;
mod delivery;
mod error;
mod frequency;
mod guides;
mod hanging;
mod jobs;
mod merging;
mod messages;
mod page;
mod preference_settings;
mod preferences;
mod recipient_upserts;
mod recipients;
mod resource_sets;
mod retention;
mod run_list;
mod runs;
mod schedules;
mod schema;
mod short_links;
mod signing_keys;
mod subscriptions;
mod unit;
mod variables;
mod versions;

pub use accounts::{ApiKey, Channel, ChannelSettings, Credential, Environment, KeyKind, NewKey, hash_secret};
pub use api_logs::{ApiLog, ApiLogFilter, LOG_ID_BYTES};
pub use audiences::{AudienceRow, AudienceTask, AudienceWork, Member, MemberCursor};
pub use broadcasts::{BroadcastRow, BroadcastStatus};
pub use bulk_operations::{BulkOperationRow, BulkStatus};
pub use channel_data::ChannelDataRow;
pub use db::{Cost, Param, Row, Store, StoreOptions, Tx};
pub use delivery::{DeliveryLog, DeliveryResult};
pub use error::StoreError;
pub use guides::{GuideEngagement, GuideGroupRow, GuideScope, GuideState};
pub use jobs::{Claim, JobKind, JobRow, JobStats};
pub use merging::UsersMerged;
pub use messages::{
    Engaged, Engagement, EventRow, FeedCounts, FeedFilter, MessageFilter, MessageRow, MessageStatusRow,
    MessageView, Slice, SweepFilter, Swept, SweptTenants, TenantFilter, TermIndexer, event_id,
};
pub use page::{Cursor, Direction, Page, PageRequest};
pub use preference_settings::{PreferenceCategoryRow, PreferenceCenterRow};
pub use preferences::{PreferenceEdit, PreferenceLimit, PreferenceSetRow, RunSets};
pub use recipient_upserts::RecipientChange;
pub use recipients::{RecipientFilter, RecipientRow, merge_json, merge_properties};
pub use resource_sets::ArchivedContent;
pub use run_list::{RunEvent, RunFilter};
pub use runs::{RecipientRunRow, RunRow, RunStatus, StoredRun};
pub use schedules::{ScheduleFilter, ScheduleFired, ScheduleRow};
pub use schema::LATEST as SCHEMA_VERSION;
pub use short_links::ShortLinkRow;
pub use signing_keys::SigningKey;
pub use subscriptions::{Subscriber, SubscriberMark, SubscriptionRow, SubscriptionSide};
pub use unit::{Guard, GuardAction, IdempotencyRow, Outcome, RunUpdate, StoredReply, Unit};
pub use variables::VariableRow;
pub use versions::{
    CommitRow, FIRST_SEMVER, NewVersion, NumberedVersion, Promoted, ResourceKind, ResourceRow, Schedule,
    VersionRow,
};

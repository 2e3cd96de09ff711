//! What publishing and archiving do to audiences, and to workflows that run for their members.

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{AudienceTask, AudienceWork, COLUMNS, audience};
use crate::db::{Param, Tx};
use crate::error::StoreError;
use crate::jobs::{self, JobKind, JobRow};
use crate::versions::ResourceKind;

fn document(content: &str) -> Result<Value, StoreError> {
    serde_json::from_str(content).map_err(StoreError::corrupt)
}

impl Tx<'_> {
    /// What follows when a version becomes the published one.
    pub(crate) async fn note_published(
        &mut self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
        version: Uuid,
        content: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match kind {
            ResourceKind::Audience => self.define_audience(env, key, version, &document(content)?, now).await,
            ResourceKind::Workflow => {
                let document = document(content)?;
                let audience = document["audience_trigger"]["audience_key"].as_str();
                self.set_audience_trigger(env, key, audience).await
            }
            _ => Ok(()),
        }
    }

    /// What follows when a resource is archived.
    pub(crate) async fn note_archived(
        &mut self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match kind {
            ResourceKind::Audience => {
                self.replace_definitions(env).await?;
                let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND key = $2");
                let row = self.query_one(&sql, &[env.into(), key.into()]).await?;
                let Some(row) = row.map(audience).transpose()? else { return Ok(()) };
                self.end_audience(env, row.id, now).await
            }
            ResourceKind::Workflow => self.set_audience_trigger(env, key, None).await,
            _ => Ok(()),
        }
    }

    /// A dynamic audience whose conditions changed is built again; one whose type changed, which only a promotion
    /// over another audience of that key can do, begins anew.
    async fn define_audience(
        &mut self,
        env: EnvId,
        key: &str,
        version: Uuid,
        document: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.replace_definitions(env).await?;
        let is_dynamic = document["type"] == "dynamic";
        let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND key = $2");
        let before = self.query_one(&sql, &[env.into(), key.into()]).await?.map(audience).transpose()?;
        if let Some(before) = before {
            if before.is_dynamic == is_dynamic {
                let same = !is_dynamic || self.has_segments(before.version, &document["segments"]).await?;
                if !same {
                    self.begin_audience_work(env, before.id, AudienceTask::Build, now).await?;
                }
                let sql = "UPDATE audiences SET version = $3, is_building = CASE WHEN CAST($4 AS BIGINT) = 1 \
                           THEN is_building ELSE 1 END WHERE env = $1 AND id = $2";
                let params = [env.into(), before.id.into(), version.into(), same.into()];
                return self.execute(sql, &params).await.map(drop);
            }
            self.end_audience(env, before.id, now).await?;
        }
        let id = Uuid::new_v4();
        self.execute(
            "INSERT INTO audiences (id, env, key, version, is_dynamic, is_building) VALUES ($1, $2, $3, $4, $5, $5)",
            &[id.into(), env.into(), key.into(), version.into(), is_dynamic.into()],
        )
        .await?;
        match is_dynamic {
            true => self.begin_audience_work(env, id, AudienceTask::Build, now).await,
            false => Ok(()),
        }
    }

    async fn has_segments(&mut self, version: Uuid, segments: &Value) -> Result<bool, StoreError> {
        let Some(row) = self.version(version).await? else { return Ok(false) };
        Ok(document(&row.content)?["segments"] == *segments)
    }

    /// Takes an audience away; a job deletes its members.
    async fn end_audience(&mut self, env: EnvId, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        self.begin_audience_work(env, id, AudienceTask::Purge, now).await?;
        let sql = "DELETE FROM audiences WHERE env = $1 AND id = $2";
        self.execute(sql, &[env.into(), id.into()]).await.map(drop)
    }

    /// Makes the job that works on an audience; work in progress on the same audience is over. It goes before the row
    /// of the audience, as whoever works on it takes them.
    async fn begin_audience_work(
        &mut self,
        env: EnvId,
        id: Uuid,
        task: AudienceTask,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM jobs WHERE target = $1 AND kind = $2";
        self.execute(sql, &[id.into(), Param::Int(JobKind::Audience as i64)]).await?;
        let job = JobRow {
            target: id.as_bytes().to_vec(),
            kind: JobKind::Audience,
            env,
            due_at: now,
            run_at: now,
            claim: 0,
            attempt: 0,
            first_at: None,
            payload: Some(AudienceWork { task, after: None }.to_payload()),
        };
        jobs::insert_jobs(self, std::iter::once(&job)).await
    }

    async fn set_audience_trigger(
        &mut self,
        env: EnvId,
        workflow: &str,
        audience: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM audience_triggers WHERE env = $1 AND workflow = $2";
        self.execute(sql, &[env.into(), workflow.into()]).await?;
        if let Some(audience) = audience {
            let sql = "INSERT INTO audience_triggers (env, workflow, audience) VALUES ($1, $2, $3)";
            self.execute(sql, &[env.into(), workflow.into(), audience.into()]).await?;
        }
        Ok(())
    }
}

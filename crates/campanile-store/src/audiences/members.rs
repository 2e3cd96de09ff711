//! Members: pairs of a user and a tenant, where no tenant is a value of its own (RC14.1). It is stored as the empty
//! text, which no tenant can have as its id.

use std::collections::HashSet;
use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::recipient::USERS;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::recipients::{self, RecipientRow, recipient};

/// A member of an audience.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// Id of the tenant.
    pub tenant: Option<String>,
    /// Id of the user.
    pub user: String,
}

/// Where a walk through an audience by tenant and user stands.
pub type MemberCursor = Member;

static MEMBERS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "audience_members",
        &[
            ("env", Column::Int),
            ("audience", Column::Blob),
            ("tenant", Column::Text),
            ("user_id", Column::Text),
            ("added_at", Column::Int),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

fn tenant_text(tenant: Option<&str>) -> &str {
    tenant.unwrap_or_default()
}

fn tenant_of(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// One text per member, for sets: neither part can contain a slash.
fn pair(member: &Member) -> String {
    format!("{}/{}", tenant_text(member.tenant.as_deref()), member.user)
}

impl Tx<'_> {
    /// Adds members; answers those that had not been any, in the order given and once. Whoever calls holds the rows of
    /// the users, so that of two who add the same member one finds it there.
    pub async fn add_audience_members(
        &mut self,
        env: EnvId,
        audience: Uuid,
        members: Vec<Member>,
        now: Timestamp,
    ) -> Result<Vec<Member>, StoreError> {
        let users = members.iter().map(|member| member.user.clone()).collect();
        let sql = format!(
            "SELECT tenant, user_id FROM audience_members WHERE env = $1 AND audience = $2 AND user_id IN {}",
            self.texts_in("$3")
        );
        let rows = self.query(&sql, &[env.into(), audience.into(), Param::Texts(users)]).await?;
        let mut known = HashSet::with_capacity(rows.len() + members.len());
        for mut row in rows {
            known.insert(Member { tenant: tenant_of(row.text(0)?), user: row.text(1)? });
        }
        let mut entered = members;
        entered.retain(|member| known.insert(member.clone()));
        let id = audience.as_bytes().as_slice();
        let mut values = Vec::with_capacity(entered.len() * MEMBERS.width());
        for member in &entered {
            values.extend([
                env.into(),
                Param::from(id),
                tenant_text(member.tenant.as_deref()).into(),
                member.user.as_str().into(),
                now.into(),
            ]);
        }
        self.insert(&MEMBERS, &values).await?;
        Ok(entered)
    }

    /// Removes members; those that are none are no error.
    pub async fn remove_audience_members(
        &mut self,
        env: EnvId,
        audience: Uuid,
        members: &[Member],
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM audience_members WHERE env = $1 AND audience = $2 AND user_id IN {} \
             AND tenant || '/' || user_id IN {}",
            self.texts_in("$3"),
            self.texts_in("$4")
        );
        let users = members.iter().map(|member| member.user.clone()).collect();
        let pairs = members.iter().map(pair).collect();
        self.execute(&sql, &[env.into(), audience.into(), Param::Texts(users), Param::Texts(pairs)]).await
    }

    /// Which of these users are members of any audience without a tenant: audience and user.
    pub async fn tenantless_memberships(
        &mut self,
        env: EnvId,
        users: Vec<String>,
    ) -> Result<HashSet<(Uuid, String)>, StoreError> {
        let sql = format!(
            "SELECT audience, user_id FROM audience_members WHERE env = $1 AND tenant = '' AND user_id IN {}",
            self.texts_in("$2")
        );
        let rows = self.query(&sql, &[env.into(), Param::Texts(users)]).await?;
        rows.into_iter().map(|mut row| Ok((row.uuid(0)?, row.text(1)?))).collect()
    }

    /// Deletes a slice of the members of an audience; answers how many went.
    pub async fn purge_audience(
        &mut self,
        env: EnvId,
        audience: Uuid,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM audience_members WHERE env = $1 AND audience = $2 AND (tenant, user_id) IN \
                   (SELECT tenant, user_id FROM audience_members WHERE env = $1 AND audience = $2 LIMIT $3)";
        self.execute(sql, &[env.into(), audience.into(), Param::Int(limit)]).await
    }

    /// The next users after a position, in the order in which they were first seen, locked until the transaction ends.
    pub async fn next_users(
        &mut self,
        env: EnvId,
        after: Option<&(i64, String)>,
        limit: i64,
    ) -> Result<Vec<RecipientRow>, StoreError> {
        let (at, id) = after.map_or((i64::MIN, ""), |(at, id)| (*at, id.as_str()));
        let columns = recipients::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM recipients WHERE env = $1 AND collection = $2 AND (inserted_at, id) > ($3, $4) \
             ORDER BY inserted_at, id LIMIT $5"
        );
        let params = [env.into(), USERS.into(), Param::Int(at), id.into(), Param::Int(limit)];
        let rows = self.query(&sql, &params).await?;
        let rows = rows.into_iter().map(recipient).collect::<Result<Vec<_>, _>>()?;
        if !self.is_postgres() {
            return Ok(rows);
        }
        // Locked in the order of their keys, as everywhere, and read again: somebody may have changed one meanwhile.
        let keys: Vec<String> = rows.iter().map(|row| row.reference.key()).collect();
        let sql = format!(
            "SELECT {columns} FROM recipients WHERE env = $1 AND key = ANY($2) ORDER BY key FOR UPDATE"
        );
        let locked = self.query(&sql, &[env.into(), Param::Texts(keys)]).await?;
        let mut rows = locked.into_iter().map(recipient).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|a, b| (a.inserted_at, &a.reference.id).cmp(&(b.inserted_at, &b.reference.id)));
        Ok(rows)
    }
}

fn listed(mut row: Row) -> Result<(Member, Timestamp), StoreError> {
    Ok((Member { tenant: tenant_of(row.text(0)?), user: row.text(1)? }, row.at(2)?))
}

impl Store {
    /// The members of an audience, newest first (workflows.md S54).
    pub async fn list_audience_members(
        &self,
        env: EnvId,
        audience: Uuid,
        page: &PageRequest,
    ) -> Result<Page<(Member, Timestamp)>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params = vec![env.into(), audience.into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(key) = page.key() {
            let short = || StoreError::corrupt("a short cursor");
            let (at, rest) = key.split_at_checked(8).ok_or_else(short)?;
            let rest = String::from_utf8_lossy(rest).into_owned();
            let (tenant, user) = rest.split_once('/').ok_or_else(short)?;
            params.push(Param::Int(i64::from_be_bytes(at.try_into().map_err(StoreError::corrupt)?)));
            params.extend([tenant.to_owned().into(), user.to_owned().into()]);
            bound = format!("AND (added_at, tenant, user_id) {compare} ($4, $5, $6)");
        }
        let sql = format!(
            "SELECT tenant, user_id, added_at FROM audience_members WHERE env = $1 AND audience = $2 {bound} \
             ORDER BY added_at {order}, tenant {order}, user_id {order} LIMIT $3"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |(member, at)| {
            let mut key = at.0.to_be_bytes().to_vec();
            key.extend_from_slice(pair(member).as_bytes());
            key
        }))
    }

    /// The next members after a position, by tenant and user, of those that were added until an instant.
    pub async fn next_audience_members(
        &self,
        env: EnvId,
        audience: Uuid,
        until: Timestamp,
        after: Option<&MemberCursor>,
        limit: i64,
    ) -> Result<Vec<Member>, StoreError> {
        let (tenant, user) =
            after.map_or(("", ""), |after| (tenant_text(after.tenant.as_deref()), after.user.as_str()));
        let sql = "SELECT tenant, user_id, added_at FROM audience_members WHERE env = $1 AND audience = $2 \
                   AND (tenant, user_id) > ($3, $4) AND added_at <= $5 ORDER BY tenant, user_id LIMIT $6";
        let params =
            [env.into(), audience.into(), tenant.into(), user.into(), until.into(), Param::Int(limit)];
        let rows = self.query(Cost::Scan, sql, &params).await?;
        rows.into_iter().map(|row| Ok(listed(row)?.0)).collect()
    }

    /// Of which audiences these users are members under a tenant, or under none: user and key of the audience (R23.7).
    pub async fn memberships_under(
        &self,
        env: EnvId,
        users: Vec<String>,
        tenant: Option<&str>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let sql = format!(
            "SELECT m.user_id, a.key FROM audience_members m JOIN audiences a ON a.id = m.audience \
             WHERE m.env = $1 AND m.tenant = $2 AND m.user_id IN {}",
            self.texts_in("$3")
        );
        let params = [env.into(), tenant_text(tenant).into(), Param::Texts(users)];
        let rows = self.query(Cost::Point, &sql, &params).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// Of these audiences, those that a user is a member of, with the tenant of each membership.
    pub async fn audience_memberships(
        &self,
        env: EnvId,
        user: &str,
        audiences: Vec<String>,
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let sql = format!(
            "SELECT a.key, m.tenant FROM audience_members m JOIN audiences a ON a.id = m.audience \
             WHERE m.env = $1 AND m.user_id = $2 AND a.key IN {}",
            self.texts_in("$3")
        );
        let rows = self.query(Cost::Point, &sql, &[env.into(), user.into(), Param::Texts(audiences)]).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, tenant_of(row.text(1)?)))).collect()
    }
}

//! What is remembered of FreshBooks' answers, for noticing later what somebody changed there.

use std::collections::BTreeSet;

use entity::resource_link;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};

use super::{Error, Step};
use crate::{
    customer_key,
    link::seen::{self, Held, Seen, Sent, View},
    sync::plan::{Action, sent},
};

/// What an answer leaves to be remembered.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) seen: Option<Seen>,
    pub(super) drift: Vec<String>,
    /// The document is to be looked at: it shows a change that is not ours, or one that was noticed is over.
    pub(super) look: bool,
}

impl Step<'_, '_> {
    /// What is to be remembered of an answer that shows the document as `answer`.
    pub(super) async fn answered(
        &self,
        conn: &impl ConnectionTrait,
        outcome: &str,
        answer: Option<View>,
    ) -> Result<Answered, Error> {
        let sent = match (outcome, self.write.action) {
            ("adopted", _) | (_, Action::Find) => Sent::Nothing,
            (_, Action::Create) => Sent::All,
            // Changes nothing that is compared: what differs after it is somebody else's doing.
            (_, Action::Issue) => Sent::Fields(BTreeSet::new()),
            _ => Sent::Fields(sent(self.write)),
        };
        // A document that was just made has nothing to be compared with.
        let row = match sent {
            Sent::All => None,
            _ => resource_link::Entity::find_by_id(self.id).lock_exclusive().one(conn).await?,
        };
        let drift = row.as_ref().map(seen::drift).unwrap_or_default();
        let Some(answer) = answer else {
            return Ok(Answered { look: !drift.is_empty(), ..Answered::default() });
        };
        let before = match &row {
            Some(row) => self.before(conn, row).await?,
            None => None,
        };
        let (seen, left) = Seen::answered(before, &drift, answer.clone(), &sent);
        let news = |name: &String| !left.contains(name);
        let unnoticed = seen::differences(&seen.ours, &answer).iter().any(news);
        let look = unnoticed || left.len() < drift.len() || seen.restoring;
        Ok(Answered { seen: Some(seen), drift: left, look })
    }

    async fn before(&self, conn: &impl ConnectionTrait, row: &resource_link::Model) -> Result<Option<Seen>, Error> {
        let Some(key_id) = row.customer_key_id.filter(|_| row.seen.is_some()) else { return Ok(None) };
        if key_id == self.snapshot.key.0 {
            return Ok(seen::open(row, &self.snapshot.key.1)?);
        }
        let key = customer_key::find_by_id(conn, &self.visit.app.keyring, key_id).await?;
        Ok(match key {
            Some(key) => seen::open(row, &key)?,
            None => None,
        })
    }

    /// Brings what the plan knows of a person's changes up to date.
    pub(super) fn hold(&mut self, answered: &Answered) {
        let held = answered.seen.as_ref().map(|seen| seen.held(&answered.drift)).unwrap_or_default();
        if answered.seen.as_ref().is_none_or(|seen| !seen.restoring) {
            self.known.restoring.remove(&self.write.key);
        }
        if held == Held::default() {
            self.known.held.remove(&self.write.key);
        } else {
            self.known.held.insert(self.write.key.clone(), held);
        }
    }
}

//! What is remembered of FreshBooks' answers, for noticing later what somebody changed there.

use std::collections::BTreeSet;

use entity::{ids::LinkId, resource_link};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::{Error, Step};
use crate::{
    crypto::DataKey,
    customer_key,
    link::{
        self, Remembered,
        seen::{self, Held, Seen, Sent, View},
    },
    sync::plan::{Action, sent},
};

/// What an answer leaves to be remembered.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) seen: Option<Seen>,
    pub(super) drift: Vec<String>,
    /// The document is to be looked at: it shows a change that is not ours, or one that was noticed is over.
    pub(super) look: bool,
    /// Other links of the same client, with what is to be remembered under the key of each.
    pub(super) others: Vec<Other>,
}

/// Another link of a client that was written.
#[derive(Debug)]
pub(super) struct Other {
    row: resource_link::Model,
    key: DataKey,
    answered: Answered,
}

impl Answered {
    /// Of a document that was remembered as `before`, with a `drift` that was noticed.
    fn of(before: Option<Seen>, drift: &[String], answer: View, sent: &Sent) -> Self {
        let (seen, left) = Seen::answered(before, drift, answer.clone(), sent);
        let news = |name: &String| !left.contains(name);
        let unnoticed = seen::differences(&seen.ours, &answer).iter().any(news);
        let look = unnoticed || left.len() < drift.len() || seen.restoring;
        Self { seen: Some(seen), drift: left, look, others: Vec::new() }
    }
}

impl Step<'_, '_> {
    /// What is to be remembered of an answer that shows the document as `answer`.
    pub(super) async fn answered(
        &self,
        txn: &DatabaseTransaction,
        freshbooks_id: i64,
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
        let (row, others) = match sent {
            Sent::All => (None, Vec::new()),
            _ => {
                let (connection, kind) = (self.visit.connection.id, self.write.key.kind);
                link::locked_with_others(txn, connection, self.id, kind, freshbooks_id).await?
            }
        };
        let drift = row.as_ref().map(seen::drift).unwrap_or_default();
        let Some(answer) = answer else {
            return Ok(Answered { look: !drift.is_empty(), ..Answered::default() });
        };
        let before = match &row {
            Some(row) => self.before(txn, row).await?,
            None => None,
        };
        let mut answered = Answered::of(before, &drift, answer.clone(), &sent);
        // A client that was only found is as it was before.
        if sent != Sent::Nothing || self.write.id.is_some() {
            for row in others {
                answered.others.extend(self.other(txn, row, &answer, &sent).await?);
            }
        }
        Ok(answered)
    }

    /// What the same answer says to another link of the client: else our own write would look like a person's there. One that remembers
    /// nothing takes what a look finds.
    async fn other(
        &self,
        txn: &DatabaseTransaction,
        row: resource_link::Model,
        answer: &View,
        sent: &Sent,
    ) -> Result<Option<Other>, Error> {
        let Some(key_id) = row.customer_key_id.filter(|_| row.seen.is_some()) else { return Ok(None) };
        let Some(key) = customer_key::find_by_id(txn, &self.visit.app.keyring, key_id).await? else {
            link::forget_seen(txn, row.id).await?;
            return Ok(None);
        };
        let answered = Answered::of(seen::open(&row, &key)?, &seen::drift(&row), answer.clone(), sent);
        Ok(Some(Other { row, key, answered }))
    }

    /// Stores what the other links of a client remember. Returns those that are to be looked at.
    pub(super) async fn tell_others(txn: &DatabaseTransaction, others: &[Other]) -> Result<Vec<LinkId>, Error> {
        for Other { row, key, answered } in others {
            let Some(seen) = &answered.seen else { continue };
            let facts = link::facts(row);
            let remembered = Remembered { seen, drift: &answered.drift, facts: &facts };
            link::remember_decision(txn, row, key, remembered).await?;
        }
        Ok(others.iter().filter(|other| other.answered.look).map(|other| other.row.id).collect())
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

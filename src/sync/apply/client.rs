//! Clients: made, matched, followed; and what happens when a person has put one away.

use entity::resource_link::{Kind, State};
use serde_json::{Map, Value};

use super::{
    Error, Step,
    adopt::{NOT_THERE, unfit},
    gone,
};
use crate::{
    drift::view::view,
    freshbooks::{
        Books, Error as BooksError, Told,
        model::{Client, ClientDraft, VisState},
    },
    link::{Facts, KnownDoc, LinkKey, seen::View},
    mapping::{Subject, Wanted, WantedClient, client},
    problem::{Owner, Problem},
    sync::plan::{Action, Draft, Known, Write},
};

impl Step<'_, '_> {
    pub(super) async fn client(&mut self) -> Result<(), Error> {
        let Draft::Client(draft) = &self.write.draft else { return Ok(()) };
        let draft = (**draft).clone();
        let Some(request) = &self.write.request else {
            let Some((doc, shown)) = look_up(self.books, self.wanted, self.known, self.write).await? else {
                self.absent();
                return Ok(());
            };
            return self.confirm_client(doc, "adopted", shown).await;
        };
        let client = match self.books.send_client(request).await {
            Err(error @ (BooksError::Refused(_) | BooksError::NotFound(_))) if self.write.id.is_some() => {
                self.client_is_there().await?;
                return Err(error.into());
            }
            answer => answer?,
        };
        let known = self.known.client.as_ref();
        // Brought back, and nothing else.
        let restored = self.write.action == Action::Restore;
        let facts = Facts {
            as_of: if restored { known.and_then(|doc| doc.facts.as_of) } else { Some(self.wanted.client.as_of) },
            adopted: known.is_some_and(|doc| doc.facts.adopted),
            ..Facts::default()
        };
        let written = if restored { known.and_then(|doc| doc.written.clone()) } else { Some(draft) };
        let doc = KnownDoc { state: State::Confirmed, id: Some(client.id), written, facts };
        self.confirm_client(doc, "done", view(Kind::Client, &client.whole)).await
    }

    async fn confirm_client(&mut self, doc: KnownDoc<ClientDraft>, outcome: &str, shown: View) -> Result<(), Error> {
        self.confirm(&doc, doc.id.unwrap_or_default(), outcome, Some(shown)).await?;
        self.known.client = Some(doc);
        Ok(())
    }

    /// The client of this order was put away in FreshBooks. Where a person merged it into the one other client with its address, that
    /// one takes its place; else a person decides. `false` when the client is there after all, and something else was wrong.
    pub(super) async fn replace_client(&mut self) -> Result<bool, Error> {
        let bound = self.known.invoice.as_ref().and_then(|doc| doc.facts.client);
        let other = if bound.is_some() { None } else { find(self.books, &self.wanted.client).await? };
        let replaced = self.known.client.as_ref().and_then(|doc| doc.id);
        if other.is_none_or(|(client, _)| Some(client.id) == replaced) {
            self.client_is_there().await?;
            return Ok(false);
        }
        self.known.client = None; // looked for anew
        Ok(true)
    }

    /// Fails where the client of this order was put away in FreshBooks.
    pub(super) async fn client_is_there(&self) -> Result<(), Error> {
        let bound = self.known.invoice.as_ref().and_then(|doc| doc.facts.client);
        let Some(id) = bound.or_else(|| self.known.client.as_ref()?.id) else { return Ok(()) };
        if self.books.client(id).await?.is_some_and(|client| client.vis_state == VisState::Active) {
            return Ok(());
        }
        Err(Error::Waiting(Problem::new(
            Owner::Accountant,
            "CLIENT_ARCHIVED",
            format!("The client {id} of this order was archived or deleted in FreshBooks."),
            "Restore it there, or leave one active client with the customer's e-mail address; then resync the order.",
        )))
    }
}

/// The client of an order as FreshBooks has it: the one of this id, whose last update may or may not have been done, or the one that fits.
/// `None` where there is none yet. What differs from what is there is written next.
pub(in crate::sync) async fn look_up(
    books: &Books,
    wanted: &Wanted,
    known: &Known,
    write: &Write,
) -> Result<Option<(KnownDoc<ClientDraft>, View)>, Error> {
    let draft = &wanted.client.draft;
    let (client, ours, facts) = match write.id {
        Some(id) if write.action == Action::Adopt => {
            let client = named(books, &wanted.client, &write.key, id).await?;
            let ours = client::is_ours(&client.note, &wanted.client.subject);
            (client, ours, Facts { adopted: !ours, ..Facts::default() })
        }
        Some(id) => {
            let client = books.client(id).await?.ok_or_else(|| gone("client", id))?;
            let facts = known.client.as_ref().map(|doc| doc.facts.clone()).unwrap_or_default();
            (client, !facts.adopted, facts)
        }
        None => match find(books, &wanted.client).await? {
            Some((client, ours)) => (client, ours, Facts { adopted: !ours, ..Facts::default() }),
            None => return Ok(None),
        },
    };
    let written = if ours { held(&client, draft) } else { taken_over(&client, draft) };
    let facts = Facts { as_of: None, ..facts };
    let shown = view(Kind::Client, &client.whole);
    // Put away by somebody, and wanted back.
    let hidden = client.vis_state != VisState::Active && known.restoring.contains(&write.key);
    let state = if hidden { State::Removed } else { State::Confirmed };
    Ok(Some((KnownDoc { state, id: Some(client.id), written: Some(written), facts }, shown)))
}

/// The client that a person named.
async fn named(books: &Books, wanted: &WantedClient, key: &LinkKey, id: i64) -> Result<Told<Client>, Error> {
    let client = books.client(id).await?.ok_or_else(|| unfit(key, id, NOT_THERE))?;
    if client.vis_state != VisState::Active {
        return Err(unfit(key, id, "it is archived or deleted"));
    }
    if client::is_anothers(&client.note, &wanted.subject) {
        return Err(unfit(key, id, "its note says that it is another customer's"));
    }
    let others = candidates(books, wanted).await?;
    match others.iter().find(|row| row.id != id && client::is_ours(&row.note, &wanted.subject)) {
        Some(ours) => Err(unfit(key, id, &format!("{} was made by us for the same; a resync links it", ours.id))),
        None => Ok(client),
    }
}

/// The active clients that may be this customer's, the oldest first.
async fn candidates(books: &Books, wanted: &WantedClient) -> Result<Vec<Told<Client>>, Error> {
    let WantedClient { subject, draft, by_email, .. } = wanted;
    // A company is known by its number: people come and go with their addresses.
    let by_note = draft.email.is_empty() || matches!(subject, Subject::Company(_));
    let mut found = if by_note {
        books.clients_by_note(&client::marker(subject)).await?
    } else {
        books.clients_by_email(&draft.email).await?
    };
    found.retain(|row| row.vis_state == VisState::Active);
    if by_note && *by_email && !found.iter().any(|row| client::is_ours(&row.note, subject)) {
        found = books.clients_by_email(&draft.email).await?;
        found.retain(|row| row.vis_state == VisState::Active);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// The client for an order, and whether it is one that we made. Several that fit are a person's decision.
async fn find(books: &Books, wanted: &WantedClient) -> Result<Option<(Told<Client>, bool)>, Error> {
    let WantedClient { subject, by_email, .. } = wanted;
    let mut found = candidates(books, wanted).await?;
    if let Some(ours) = found.iter().find(|row| client::is_ours(&row.note, subject)) {
        return Ok(Some((ours.clone(), true)));
    }
    found.retain(|row| !client::is_anothers(&row.note, subject));
    if !by_email || found.is_empty() {
        return Ok(None);
    }
    match found.len() {
        1 => Ok(found.pop().map(|row| (row, false))),
        several => {
            let ids: Vec<String> = found.iter().map(|row| row.id.to_string()).collect();
            Err(Error::Waiting(Problem::new(
                Owner::Accountant,
                "AMBIGUOUS_CLIENT",
                format!(
                    "FreshBooks has {several} active clients with this customer's e-mail address: {}.",
                    ids.join(", ")
                ),
                "Say which one by adoptDocument; or archive or merge all but one of them in FreshBooks, then resync the order.",
            )))
        }
    }
}

/// What FreshBooks holds of the fields that we write.
fn held(client: &Client, draft: &ClientDraft) -> ClientDraft {
    merged(client, draft, |held, _| held.clone())
}

/// A client that a person made keeps what the person filled in: it counts as ours, so that only what is blank is written now, and later
/// what changes in Shopify.
fn taken_over(client: &Client, draft: &ClientDraft) -> ClientDraft {
    merged(client, draft, |held, wanted| if held == "" { held.clone() } else { wanted.clone() })
}

fn merged(client: &Client, draft: &ClientDraft, pick: impl Fn(&Value, &Value) -> Value) -> ClientDraft {
    let Ok(Value::Object(wanted)) = serde_json::to_value(draft) else { return draft.clone() };
    let fields: Map<String, Value> = wanted
        .into_iter()
        .map(|(name, value)| {
            let held = match name.as_str() {
                // In whatever case: it is the same address.
                "email" if client.email.to_lowercase() == draft.email => value.clone(),
                "email" => client.email.clone().into(),
                "note" => client.note.clone().into(),
                _ => client.fields.get(&name).filter(|held| held.is_string()).cloned().unwrap_or_else(|| "".into()),
            };
            let picked = pick(&held, &value);
            (name, picked)
        })
        .collect();
    serde_json::from_value(Value::Object(fields)).unwrap_or_else(|_| draft.clone())
}

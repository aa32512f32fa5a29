//! Callbacks as callers see and search them.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    books::{Books, Index},
    callback::Callback,
    json::{Object, put_all},
    list::{Listed, Term},
    problem::Problem,
    query::{Given, Query},
    render::utc_stamp,
};

impl Listed for Callback {
    const SINGULAR: &'static str = "callback";
    const PLURAL: &'static str = "callbacks";
    const ID_FIELD: &'static str = "callbackid";
    const NEWEST_FIRST: bool = false;
    const SHARED_KEYS: &'static [&'static str] = &[];

    fn vis_state(&self) -> Option<i64> {
        None
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(_given: Given<'_>) -> Option<(Index, String)> {
        None
    }

    fn term(given: Given<'_>) -> Result<Option<Term<Callback>>, Problem> {
        let text = given.text();
        Ok(Some(match given.key {
            // A callback for all that happens to invoices is also one for new invoices.
            "event" => Box::new(move |_, callback| {
                let noun = text.split_once('.').map_or(text.as_str(), |(noun, _)| noun);
                callback.event == text || callback.event == noun
            }),
            "uri" => Box::new(move |_, callback| callback.uri == text),
            _ => return Ok(None),
        }))
    }

    // Both ways of writing the time have been seen, and the id sometimes comes twice.
    fn render(&self, _books: &Books, _query: &Query, out: &mut Object) {
        let zoned = || self.updated_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let updated_at = if rand::random() { zoned() } else { utc_stamp(self.updated_at) };
        put_all!(out, {
            "callbackid": self.id, "verified": self.verified, "uri": self.uri.as_str(), "event": self.event.as_str(),
            "updated_at": updated_at,
        });
        if rand::random() {
            out.put("id", self.id);
        }
    }
}

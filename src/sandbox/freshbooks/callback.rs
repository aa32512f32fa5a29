//! Callbacks: which event is told to which address, once the address has proved that it listens.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rand::{Rng, distr::Alphanumeric};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Host, Url};

use super::{
    books::{Books, Kind, Record},
    events::Refusal,
    happening,
    options::FailedVerification,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Callback {
    pub(super) id: u64,
    pub(super) event: String,
    pub(super) uri: String,
    /// Proves the address, and is the secret of every signature; the same for the callback's whole life.
    pub(super) verifier: String,
    pub(super) verified: bool,
    pub(super) updated_at: DateTime<Utc>,
}

/// A noun of events, and the object whose scope covers it.
const NOUNS: &[(&str, &str)] = &[
    ("bill", "bills"),
    ("bill_vendor", "bill_vendors"),
    ("category", "expenses"),
    ("client", "clients"),
    ("credit_note", "credit_notes"),
    ("estimate", "estimates"),
    ("expense", "expenses"),
    ("invoice", "invoices"),
    ("item", "billable_items"),
    ("payment", "payments"),
    ("project", "projects"),
    ("recurring", "invoices"),
    ("service", "projects"),
    ("tax", "taxes"),
    ("time_entry", "time_entries"),
];
const VERBS: &[&str] = &["create", "update", "delete"];
const OTHERS: &[&str] = &["invoice.sendByEmail", "estimate.sendByEmail"];

/// The object an event is about, as scopes call it; `None` when there is no such event.
pub(super) fn object_of(event: &str) -> Option<&'static str> {
    let (noun, verb) = event.split_once('.').map_or((event, None), |(noun, verb)| (noun, Some(verb)));
    let (_, object) = NOUNS.iter().find(|(known, _)| *known == noun)?;
    let known = verb.is_none_or(|verb| VERBS.contains(&verb)) || OTHERS.contains(&event);
    known.then_some(*object)
}

impl Callback {
    /// Registers it, also when there is one for the same event and address, and sends the verification.
    pub(super) fn create(books: &mut Books, fields: &Map<String, Value>) -> Result<u64, Refusal> {
        let mut details = Vec::new();
        let event = read(fields, "event", known_event, &mut details);
        let uri = read(fields, "uri", usable_uri, &mut details);
        let (Some(event), Some(uri)) = (event, uri) else { return Err(Refusal::semantic(details)) };
        let verifier: String = rand::rng().sample_iter(Alphanumeric).take(24).map(char::from).collect();
        books.secrets.push(verifier.clone());
        let id = books.next_id();
        books.put(Callback { id, event, uri, verifier, verified: false, updated_at: books.now() });
        happening::verification(books, id, true);
        Ok(id)
    }

    /// One PUT: a verifier, or the wish for another verification, or another event or address.
    pub(super) fn update(books: &mut Books, id: u64, fields: &Map<String, Value>) -> Result<(), Refusal> {
        let mut callback = books.callbacks.get(&id).cloned().ok_or_else(Refusal::unknown)?;
        if let Some(verifier) = fields.get("verifier").filter(|verifier| !verifier.is_null()) {
            callback.verify(books, verifier)?;
        } else if fields.get("resend").is_some_and(|wish| *wish == Value::Bool(true)) {
            happening::verification(books, id, false);
            return Ok(());
        } else {
            let mut details = Vec::new();
            let given = |key: &str| fields.get(key).is_some();
            if !given("event") && !given("uri") {
                return Err(Refusal::semantic(vec!["verifier: Field required".to_owned()]));
            }
            let event = given("event").then(|| read(fields, "event", known_event, &mut details));
            let uri = given("uri").then(|| read(fields, "uri", usable_uri, &mut details));
            if !details.is_empty() {
                return Err(Refusal::semantic(details));
            }
            let event = event.flatten().unwrap_or_else(|| callback.event.clone());
            let uri = uri.flatten().unwrap_or_else(|| callback.uri.clone());
            callback.point(event, uri);
        }
        callback.updated_at = books.now();
        books.put(callback);
        Ok(())
    }

    /// Another event or another address has to be proved anew.
    pub(super) fn point(&mut self, event: String, uri: String) {
        self.verified &= self.event == event && self.uri == uri;
        (self.event, self.uri) = (event, uri);
    }

    fn verify(&mut self, books: &Books, verifier: &Value) -> Result<(), Refusal> {
        let right = verifier.as_str() == Some(self.verifier.as_str());
        match books.options.callbacks.fail_verification {
            None if right => self.verified = true,
            Some(FailedVerification::Unheeded) if right => {}
            _ => return Err(Refusal::new(400, "Invalid verifier.")),
        }
        Ok(())
    }

    /// Whether it is told of `name`, which is about `noun`.
    pub(super) fn hears(&self, name: &str, noun: &str) -> bool {
        let one_of_three = name.split_once('.').is_some_and(|(_, verb)| VERBS.contains(&verb));
        self.verified && (self.event == name || (self.event == noun && one_of_three))
    }
}

fn read(
    fields: &Map<String, Value>,
    key: &str,
    check: fn(&str) -> Result<(), String>,
    details: &mut Vec<String>,
) -> Option<String> {
    let problem = match fields.get(key) {
        None => "Field required".to_owned(),
        Some(Value::String(text)) => match check(text) {
            Ok(()) => return Some(text.clone()),
            Err(problem) => problem,
        },
        Some(_) => "Input should be a valid string".to_owned(),
    };
    details.push(format!("{key}: {problem}"));
    None
}

fn known_event(event: &str) -> Result<(), String> {
    object_of(event).map(|_| ()).ok_or_else(|| "Value error, Unrecognized event.".to_owned())
}

// The real platform would hardly reach a loopback address: here it is the only one that may go without TLS.
fn usable_uri(uri: &str) -> Result<(), String> {
    let parsed = Url::parse(uri).map_err(|e| format!("Input should be a valid URL, {e}"))?;
    let loopback = match parsed.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err("URL scheme should be 'https'".to_owned()),
    }
}

impl Record for Callback {
    const KIND: Kind = Kind::Callback;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Callback> {
        &books.callbacks
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Callback> {
        &mut books.callbacks
    }
}

//! Everything the simulated account holds, and the changes that still have to reach the journal.
//!
//! A line of the journal carries every object changed since the last line known to be safe, whole. So lines may be written side by side and
//! read back in any order: the highest number wins, and a lost line is never half of something an answer promised.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    callback::Callback, client::Client, courier::Letter, credit::CreditNote, invoice::Invoice, oauth::Code,
    oauth::Grant, options::Options, payment::Payment, tax::Tax,
};

/// What a journalled object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Client,
    Invoice,
    Payment,
    CreditNote,
    Tax,
    Grant,
    Callback,
}

/// Ways to find objects without looking at all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Index {
    ClientEmail,
    ClientName,
    InvoiceNumber,
    InvoiceCustomer,
    PaymentInvoice,
    PaymentCredit,
    CreditNumber,
    CreditClient,
}

/// Something kept under an id.
pub(super) trait Record: Clone + Serialize + DeserializeOwned {
    const KIND: Kind;
    fn id(&self) -> u64;
    fn rows(books: &Books) -> &BTreeMap<u64, Self>;
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Self>;
    /// Under which keys it is found.
    fn keys(&self) -> Vec<(Index, String)> {
        Vec::new()
    }
}

/// Where the next ids and numbers come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) next_id: u64,
    pub(super) next_grant: u64,
    pub(super) last_invoice_number: String,
    pub(super) last_credit_number: String,
    pub(super) emails_sent: u64,
}

#[derive(Serialize, Deserialize)]
struct Change {
    kind: Kind,
    id: u64,
    /// `null` once it is gone for good.
    object: Value,
}

#[derive(Serialize, Deserialize)]
struct JournalLine {
    seq: u64,
    counters: Counters,
    changes: Vec<Value>,
}

pub(super) struct Books {
    pub(super) options: Arc<Options>,
    pub(super) counters: Counters,
    pub(super) clients: BTreeMap<u64, Client>,
    pub(super) invoices: BTreeMap<u64, Invoice>,
    pub(super) payments: BTreeMap<u64, Payment>,
    pub(super) credits: BTreeMap<u64, CreditNote>,
    pub(super) taxes: BTreeMap<u64, Tax>,
    pub(super) grants: BTreeMap<u64, Grant>,
    pub(super) callbacks: BTreeMap<u64, Callback>,
    /// What callbacks are to be told once it is safe.
    pub(super) outbox: Vec<Letter>,
    /// The next event is told with a wrong signature.
    pub(super) spoils_signature: bool,
    pub(super) codes: HashMap<String, Code>,
    /// Every secret handed out in this life.
    pub(super) secrets: Vec<String>,
    /// Search keys that were not understood, as `invoices.status`.
    pub(super) ignored: BTreeSet<String>,
    index: HashMap<(Index, String), BTreeSet<u64>>,
    changed: Vec<(Kind, u64)>,
    seq: u64,
    unsafe_changes: BTreeMap<u64, Vec<Value>>,
}

impl Books {
    /// Opens the account, as it was if there are lines to restore.
    pub(super) fn open(options: Arc<Options>) -> Result<Books, String> {
        let mut books = Books::empty(options.clone());
        let first = Grant::first(&mut books);
        books.put(first);
        books.restore(&options.restored)?;
        books.changed.clear();
        Ok(books)
    }

    /// Books in which nothing was ever written, and which nobody may read.
    pub(super) fn empty(options: Arc<Options>) -> Books {
        Books {
            counters: Counters {
                next_id: 100_001,
                next_grant: 1,
                last_invoice_number: String::new(),
                last_credit_number: String::new(),
                emails_sent: 0,
            },
            clients: BTreeMap::new(),
            invoices: BTreeMap::new(),
            payments: BTreeMap::new(),
            credits: BTreeMap::new(),
            taxes: BTreeMap::new(),
            grants: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            outbox: Vec::new(),
            spoils_signature: false,
            codes: HashMap::new(),
            secrets: vec![options.client_secret.clone(), options.access_token.clone(), options.refresh_token.clone()],
            ignored: BTreeSet::new(),
            index: HashMap::new(),
            changed: Vec::new(),
            seq: 0,
            unsafe_changes: BTreeMap::new(),
            options,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.options.now)()
    }

    pub(super) fn next_id(&mut self) -> u64 {
        let id = self.counters.next_id;
        self.counters.next_id += 1;
        id
    }

    /// Keeps `record` in place of what had its id.
    pub(super) fn put<R: Record>(&mut self, record: R) {
        let id = record.id();
        let keys = record.keys();
        let old = R::rows_mut(self).insert(id, record).map(|old| old.keys()).unwrap_or_default();
        self.unindex(id, old);
        for key in keys {
            self.index.entry(key).or_default().insert(id);
        }
        self.mark(R::KIND, id);
    }

    /// Changes a record in place, nothing that it is found by.
    pub(super) fn amend<R: Record>(&mut self, id: u64, change: impl FnOnce(&mut R)) {
        if let Some(record) = R::rows_mut(self).get_mut(&id) {
            change(record);
            self.mark(R::KIND, id);
        }
    }

    fn mark(&mut self, kind: Kind, id: u64) {
        if !self.changed.contains(&(kind, id)) {
            self.changed.push((kind, id));
        }
    }

    /// Forgets a record for good.
    pub(super) fn remove<R: Record>(&mut self, id: u64) {
        if let Some(old) = R::rows_mut(self).remove(&id) {
            self.unindex(id, old.keys());
            self.mark(R::KIND, id);
        }
    }

    fn unindex(&mut self, id: u64, keys: Vec<(Index, String)>) {
        for key in keys {
            if let Some(ids) = self.index.get_mut(&key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
    }

    /// The ids kept under a key, oldest first.
    pub(super) fn found(&self, index: Index, key: impl ToString) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.index.get(&(index, key.to_string())).into_iter().flatten().copied()
    }

    /// The line to journal for what changed since the last call, with its number.
    pub(super) fn take_line(&mut self) -> Option<(u64, String)> {
        let changed = std::mem::take(&mut self.changed);
        if changed.is_empty() || self.options.journal.is_none() {
            return None;
        }
        self.seq += 1;
        let new: Vec<Value> = changed.into_iter().map(|(kind, id)| self.change(kind, id)).collect();
        let changes: Vec<Value> = self.unsafe_changes.values().flatten().chain(&new).cloned().collect();
        self.unsafe_changes.insert(self.seq, new);
        let line = JournalLine { seq: self.seq, counters: self.counters.clone(), changes };
        // Plain maps of text and numbers: this cannot fail.
        Some((self.seq, serde_json::to_string(&line).unwrap_or_default()))
    }

    /// The line with this number is safe, and with it all that came before.
    pub(super) fn confirm(&mut self, seq: u64) {
        self.unsafe_changes = self.unsafe_changes.split_off(&(seq + 1));
    }

    fn change(&self, kind: Kind, id: u64) -> Value {
        fn object<R: Record>(books: &Books, id: u64) -> Value {
            R::rows(books).get(&id).and_then(|row| serde_json::to_value(row).ok()).unwrap_or_default()
        }
        let object = match kind {
            Kind::Client => object::<Client>(self, id),
            Kind::Invoice => object::<Invoice>(self, id),
            Kind::Payment => object::<Payment>(self, id),
            Kind::CreditNote => object::<CreditNote>(self, id),
            Kind::Tax => object::<Tax>(self, id),
            Kind::Grant => object::<Grant>(self, id),
            Kind::Callback => object::<Callback>(self, id),
        };
        serde_json::to_value(Change { kind, id, object }).unwrap_or_default()
    }

    fn restore(&mut self, lines: &[String]) -> Result<(), String> {
        let mut parsed = Vec::with_capacity(lines.len());
        for line in lines {
            parsed.push(serde_json::from_str::<JournalLine>(line).map_err(|e| format!("journal line: {e}"))?);
        }
        parsed.sort_by_key(|line| line.seq);
        for line in parsed {
            for change in line.changes {
                let change: Change = serde_json::from_value(change).map_err(|e| format!("journalled change: {e}"))?;
                self.replay(change)?;
            }
            self.counters = line.counters;
            self.seq = line.seq;
        }
        Ok(())
    }

    fn replay(&mut self, change: Change) -> Result<(), String> {
        fn one<R: Record>(books: &mut Books, change: Change) -> Result<(), String> {
            if change.object.is_null() {
                books.remove::<R>(change.id);
            } else {
                let record: R = serde_json::from_value(change.object).map_err(|e| format!("journalled object: {e}"))?;
                books.put(record);
            }
            books.changed.clear();
            Ok(())
        }
        match change.kind {
            Kind::Client => one::<Client>(self, change),
            Kind::Invoice => one::<Invoice>(self, change),
            Kind::Payment => one::<Payment>(self, change),
            Kind::CreditNote => one::<CreditNote>(self, change),
            Kind::Tax => one::<Tax>(self, change),
            Kind::Grant => one::<Grant>(self, change),
            Kind::Callback => one::<Callback>(self, change),
        }
    }
}

/// The number after `last`: its trailing digits plus one, or a fresh series of seven digits.
pub(super) fn next_number(last: &str, taken: impl Fn(&str) -> bool) -> String {
    let digits = last.len() - last.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, number) = last.split_at(last.len() - digits);
    let width = if digits == 0 { 7 } else { digits };
    let mut number: u64 = number.parse().unwrap_or(0);
    loop {
        number += 1;
        let candidate = if digits == 0 { format!("{number:07}") } else { format!("{prefix}{number:0width$}") };
        if !taken(&candidate) {
            return candidate;
        }
    }
}

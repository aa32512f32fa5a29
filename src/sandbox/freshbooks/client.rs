//! Clients: the customers of the simulated books.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    books::{Books, Index, Kind, Record},
    input::{Fields, Text, nullable, text},
    options::HiddenClients,
    problem::Problem,
    render::eastern_date,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) username: String,
    pub(super) uuid: String,
    /// What callers may write, under the platform's own keys.
    pub(super) fields: Map<String, Value>,
    pub(super) signed_up_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) vis_state: i64,
}

const TEXTS: &[Text] = &[
    text("fname", 255),
    text("lname", 255),
    text("organization", 255),
    text("email", 255),
    text("bus_phone", 255),
    text("mob_phone", 255),
    text("fax", 255),
    nullable("home_phone", 255),
    text("p_street", 255),
    text("p_street2", 255),
    text("p_city", 100),
    text("p_province", 100),
    text("p_code", 100),
    text("p_country", 100),
    text("s_street", 255),
    text("s_street2", 255),
    text("s_city", 100),
    text("s_province", 100),
    text("s_code", 100),
    text("s_country", 100),
    text("language", 10),
    nullable("note", usize::MAX),
    nullable("vat_name", 255),
    nullable("vat_number", 255),
    nullable("company_industry", 255),
    nullable("company_size", 255),
    nullable("number_format", 255),
];

const FLAGS: &[(&str, bool)] = &[
    ("allow_late_fees", true),
    ("allow_late_notifications", true),
    ("allow_email_include_pdf", false),
    ("pref_email", true),
    ("pref_gmail", false),
    ("notified", false),
];

const READ_ONLY: &[&str] = &[
    "id",
    "userid",
    "username",
    "role",
    "level",
    "num_logins",
    "uuid",
    "signup_date",
    "updated",
    "last_activity",
    "last_login",
    "accounting_systemid",
    "exceeds_client_limit",
    "direct_link_token",
    "statement_token",
    "subdomain",
    "retainer_id",
    "has_retainer",
];

impl Client {
    /// Adds a client; e-mail addresses need not be unique.
    pub(super) fn create(books: &mut Books, fields: Fields<'_>) -> Result<u64, Problem> {
        fields.refuse(READ_ONLY)?;
        fields.refuse(&["vis_state"])?;
        let now = books.now();
        let mut map = Map::new();
        for Text { key, nullable, .. } in TEXTS {
            map.insert((*key).to_owned(), if *nullable { Value::Null } else { Value::from("") });
        }
        for (key, default) in FLAGS {
            map.insert((*key).to_owned(), Value::from(*default));
        }
        map.insert("language".to_owned(), Value::from("en"));
        map.insert("currency_code".to_owned(), Value::from(books.options.currency_code.as_str()));
        let mut client = Client {
            id: 0,
            username: String::new(),
            uuid: uuid::Uuid::new_v4().to_string(),
            fields: map,
            signed_up_at: now,
            updated_at: now,
            vis_state: 0,
        };
        client.write(fields)?;
        if ["email", "organization", "fname", "lname"].iter().all(|key| client.text(key).is_empty()) {
            return Err(Problem::missing("client", "email"));
        }
        // Seen on the platform: a client known by nothing else goes by its address.
        if ["organization", "fname", "lname"].iter().all(|key| client.text(key).is_empty()) {
            let email = client.fields.get("email").cloned().unwrap_or_default();
            client.fields.insert("organization".to_owned(), email);
        }
        client.id = books.next_id();
        client.username = client.free_username(books);
        let id = client.id;
        books.put(client);
        Ok(id)
    }

    /// One PUT: state alone, or ordinary fields.
    pub(super) fn update(books: &mut Books, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
        let mut client = books.clients.get(&id).cloned().ok_or_else(|| Problem::unknown("client", "userid", id))?;
        if let Some(state) = new_vis_state(fields)? {
            client.vis_state = state;
        } else {
            fields.refuse(READ_ONLY)?;
            client.write(fields)?;
        }
        client.updated_at = books.now();
        books.put(client);
        Ok(())
    }

    fn write(&mut self, fields: Fields<'_>) -> Result<(), Problem> {
        fields.texts(TEXTS, &mut self.fields)?;
        for (key, _) in FLAGS {
            if let Some(flag) = fields.flag(key)? {
                self.fields.insert((*key).to_owned(), Value::from(flag));
            }
        }
        if let Some(code) = fields.currency("currency_code")? {
            self.fields.insert("currency_code".to_owned(), Value::from(code));
        }
        Ok(())
    }

    fn free_username(&self, books: &Books) -> String {
        let names = [self.text("fname"), self.text("lname")].concat();
        let local = self.text("email").split('@').next().unwrap_or_default();
        let source = [names.as_str(), self.text("organization"), local].into_iter().find(|text| !text.is_empty());
        let mut base: String = source.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        base.make_ascii_lowercase();
        if base.is_empty() {
            base = "client".to_owned();
        }
        let taken = |name: &str| books.found(Index::ClientName, name).next().is_some();
        if !taken(&base) {
            return base;
        }
        let mut number = 2_u64;
        while taken(&format!("{base}{number}")) {
            number += 1;
        }
        format!("{base}{number}")
    }

    /// The client named by `field` of a new document, if it may have one.
    pub(super) fn billable<'a>(books: &'a Books, field: &str, id: u64) -> Result<&'a Client, Problem> {
        let client = books.clients.get(&id).ok_or_else(|| Problem::unknown("client", field, id))?;
        match (client.vis_state, books.options.hidden_clients) {
            (1, HiddenClients::Refuse | HiddenClients::RefuseDeleted) => Err(Problem::deleted("client", field, id)),
            (2, HiddenClients::Refuse) => Err(Problem::invalid("client", field, id, "names an archived client")),
            _ => Ok(client),
        }
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.fields.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn owes(&self, books: &Books, draft: bool, overdue: bool) -> bool {
        let today = eastern_date(books.now());
        books.found(Index::InvoiceCustomer, self.id).filter_map(|id| books.invoices.get(&id)).any(|invoice| {
            invoice.vis_state != 1
                && (invoice.status == 1) == draft
                && invoice.outstanding() > Decimal::ZERO
                && (!overdue || invoice.due_date() < today)
        })
    }

    pub(super) fn has_credit(&self, books: &Books) -> bool {
        let open = |credit: &super::credit::CreditNote| credit.vis_state != 1;
        let mut credits = books.found(Index::CreditClient, self.id).filter_map(|id| books.credits.get(&id));
        credits.any(|credit| open(credit) && credit.paid < credit.amount)
    }
}

/// The state a PUT asks for, if that is what it is about: everything beside it is then dropped.
pub(super) fn new_vis_state(fields: Fields<'_>) -> Result<Option<i64>, Problem> {
    match fields.strict_int("vis_state")? {
        None => Ok(None),
        Some(state @ 0..=2) => Ok(Some(state)),
        Some(other) => Err(Problem::invalid(fields.object, "vis_state", other, "must be 0, 1 or 2")),
    }
}

impl Record for Client {
    const KIND: Kind = Kind::Client;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Client> {
        &books.clients
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Client> {
        &mut books.clients
    }
    fn keys(&self) -> Vec<(Index, String)> {
        vec![(Index::ClientEmail, self.text("email").to_lowercase()), (Index::ClientName, self.username.clone())]
    }
}

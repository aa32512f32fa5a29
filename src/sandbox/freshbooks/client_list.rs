//! Clients as callers see and search them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{
    books::{Books, Index},
    client::Client,
    json::{NULL, Object, put_all},
    list::{Listed, Term, like},
    problem::Problem,
    query::{Given, Query},
    render::{stamp, utc_stamp},
};

impl Listed for Client {
    const SINGULAR: &'static str = "client";
    const PLURAL: &'static str = "clients";
    const ID_FIELD: &'static str = "userid";
    const ID_KEYS: &'static [&'static str] = &["userid", "userids"];

    fn vis_state(&self) -> Option<i64> {
        Some(self.vis_state)
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(given: Given<'_>) -> Option<(Index, String)> {
        match given.key {
            "email" => Some((Index::ClientEmail, given.lowercase())),
            "username" => Some((Index::ClientName, given.text())),
            _ => None,
        }
    }

    fn term(given: Given<'_>) -> Result<Option<Term<Client>>, Problem> {
        let needle = given.lowercase();
        let any = move |keys: &'static [&'static str]| -> Term<Client> {
            let needle = needle.clone();
            Box::new(move |_, client| like(&needle, keys.iter().map(|key| client.text(key))))
        };
        Ok(Some(match given.key {
            "email" => {
                let email = given.lowercase();
                Box::new(move |_, client| client.text("email").to_lowercase() == email)
            }
            "username" => {
                let name = given.text();
                Box::new(move |_, client| client.username == name)
            }
            "email_like" => any(&["email"]),
            "fname_like" => any(&["fname"]),
            "lname_like" => any(&["lname"]),
            "organization_like" => any(&["organization"]),
            "note_like" => any(&["note"]),
            "phone_like" => any(&["bus_phone", "mob_phone", "home_phone"]),
            "address_like" => any(&["p_street", "p_street2", "p_city", "p_province", "p_code", "p_country"]),
            "user_like" => any(&["fname", "lname", "organization", "email"]),
            "has_credit" => {
                let wanted = given.flag()?;
                Box::new(move |books, client| client.has_credit(books) == wanted)
            }
            "has_draft" => {
                let wanted = given.flag()?;
                Box::new(move |books, client| client.owes(books, true, false) == wanted)
            }
            "has_outstanding" => {
                let wanted = given.flag()?;
                Box::new(move |books, client| client.owes(books, false, false) == wanted)
            }
            "has_overdue" => {
                let wanted = given.flag()?;
                Box::new(move |books, client| client.owes(books, false, true) == wanted)
            }
            _ => return Ok(None),
        }))
    }

    fn order(key: &str) -> Option<fn(&Client, &Client) -> Ordering> {
        match key {
            "organization_name" => Some(|a, b| a.text("organization").cmp(b.text("organization"))),
            "fullname" => Some(|a, b| (a.text("fname"), a.text("lname")).cmp(&(b.text("fname"), b.text("lname")))),
            "email" => Some(|a, b| a.text("email").cmp(b.text("email"))),
            "updated" => Some(|a, b| a.updated_at.cmp(&b.updated_at)),
            "client_id" => Some(|a, b| a.id.cmp(&b.id)),
            _ => None,
        }
    }

    fn render(&self, books: &Books, _query: &Query, out: &mut Object) {
        out.all(&self.fields);
        put_all!(out, {
            "accounting_systemid": books.options.account_id.as_str(),
            "direct_link_token": NULL, "exceeds_client_limit": 0_i64, "has_retainer": NULL,
            "id": self.id, "last_activity": NULL, "last_login": NULL, "level": 0_i64, "num_logins": 0_i64,
            "retainer_id": NULL, "role": "client", "signup_date": utc_stamp(self.signed_up_at),
            "statement_token": NULL, "subdomain": NULL, "updated": stamp(self.updated_at),
            "userid": self.id, "username": self.username.as_str(), "uuid": self.uuid.as_str(),
            "vis_state": self.vis_state,
        });
    }
}

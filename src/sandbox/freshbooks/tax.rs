//! Taxes: names, rates and registration numbers. Lines copy them, so deleting one changes no document.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    books::{Books, Index, Kind, Record},
    input::Fields,
    json::{Object, Plain, put_all},
    list::{Listed, Term, like},
    problem::Problem,
    query::{Given, Query},
    render::stamp,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tax {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) percent: Decimal,
    pub(super) number: Option<String>,
    pub(super) compound: bool,
    pub(super) updated_at: DateTime<Utc>,
}

const READ_ONLY: &[&str] = &["id", "taxid", "updated", "accounting_systemid"];

impl Tax {
    pub(super) fn create(books: &mut Books, fields: Fields<'_>) -> Result<u64, Problem> {
        let mut tax = Tax {
            id: 0,
            name: String::new(),
            percent: Decimal::ZERO,
            number: None,
            compound: false,
            updated_at: books.now(),
        };
        tax.write(fields)?;
        tax.id = books.next_id();
        let id = tax.id;
        books.put(tax);
        Ok(id)
    }

    pub(super) fn update(books: &mut Books, id: u64, fields: Fields<'_>) -> Result<(), Problem> {
        let mut tax = books.taxes.get(&id).cloned().ok_or_else(|| Problem::unknown("tax", "taxid", id))?;
        tax.write(fields)?;
        tax.updated_at = books.now();
        books.put(tax);
        Ok(())
    }

    /// Gone for good: taxes have no `vis_state`.
    pub(super) fn delete(books: &mut Books, id: u64) -> Result<(), Problem> {
        if !books.taxes.contains_key(&id) {
            return Err(Problem::unknown("tax", "taxid", id));
        }
        books.remove::<Tax>(id);
        Ok(())
    }

    fn write(&mut self, fields: Fields<'_>) -> Result<(), Problem> {
        fields.refuse(READ_ONLY)?;
        if let Some(name) = fields.text("name", 255)? {
            self.name = name.to_owned();
        }
        if self.name.is_empty() {
            return Err(Problem::missing("tax", "name"));
        }
        if let Some(percent) = fields.percent("amount", 3)? {
            self.percent = percent;
        }
        if fields.has("number") {
            self.number = fields.text("number", 255)?.map(str::to_owned);
        }
        if let Some(compound) = fields.flag("compound")? {
            self.compound = compound;
        }
        Ok(())
    }
}

impl Record for Tax {
    const KIND: Kind = Kind::Tax;
    fn id(&self) -> u64 {
        self.id
    }
    fn rows(books: &Books) -> &BTreeMap<u64, Tax> {
        &books.taxes
    }
    fn rows_mut(books: &mut Books) -> &mut BTreeMap<u64, Tax> {
        &mut books.taxes
    }
}

impl Listed for Tax {
    const SINGULAR: &'static str = "tax";
    const PLURAL: &'static str = "taxes";
    const ID_FIELD: &'static str = "taxid";
    const ID_KEYS: &'static [&'static str] = &["taxid", "taxids"];
    const SHARED_KEYS: &'static [&'static str] = &["updated_min", "updated_max"];

    fn vis_state(&self) -> Option<i64> {
        None
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn narrow(_given: Given<'_>) -> Option<(Index, String)> {
        None
    }

    fn term(given: Given<'_>) -> Result<Option<Term<Tax>>, Problem> {
        Ok(Some(match given.key {
            "name" => {
                let name = given.text();
                Box::new(move |_, tax| tax.name == name)
            }
            "number" => {
                let number = given.lowercase();
                Box::new(move |_, tax| like(&number, tax.number.as_deref()))
            }
            "compound" => {
                let wanted = given.flag()?;
                Box::new(move |_, tax| tax.compound == wanted)
            }
            _ => return Ok(None),
        }))
    }

    fn render(&self, books: &Books, _query: &Query, out: &mut Object) {
        put_all!(out, {
            "accounting_systemid": books.options.account_id.as_str(), "amount": Plain(self.percent),
            "compound": self.compound, "id": self.id, "name": self.name.as_str(), "number": self.number.as_deref(),
            "taxid": self.id, "updated": stamp(self.updated_at),
        });
    }
}

//! Query strings: paging, search, sort and includes.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use url::form_urlencoded;

use super::{input::parse_date, problem::Problem};

const PER_PAGE: u64 = 15;
const MOST_PER_PAGE: u64 = 100;

/// A parsed query string.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) page: u64,
    pub(super) per_page: u64,
    /// Key without `search[…]`, and its values: several for `search[ids][]`.
    pub(super) search: Vec<(String, Vec<String>)>,
    pub(super) include: BTreeSet<String>,
    pub(super) sort: Option<String>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Query, Problem> {
        let mut parsed =
            Query { page: 1, per_page: PER_PAGE, search: Vec::new(), include: BTreeSet::new(), sort: None };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "page" => {
                    let page: i64 = value.parse().map_err(|_| bad(1014, "page", &value))?;
                    parsed.page = u64::try_from(page).unwrap_or(1).max(1);
                }
                "per_page" => {
                    let per_page: i64 = value.parse().map_err(|_| bad(1013, "per_page", &value))?;
                    parsed.per_page = match u64::try_from(per_page) {
                        Ok(wanted @ 1..) => wanted.min(MOST_PER_PAGE),
                        _ => PER_PAGE,
                    };
                }
                "sort" => parsed.sort = Some(value.into_owned()),
                "include[]" => {
                    parsed.include.insert(value.into_owned());
                }
                key => {
                    if let Some(key) = key.strip_prefix("search[") {
                        let key = key.trim_end_matches("[]").trim_end_matches(']');
                        parsed.add(key, value.into_owned());
                    }
                }
            }
        }
        Ok(parsed)
    }

    fn add(&mut self, key: &str, value: String) {
        match self.search.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value),
            None => self.search.push((key.to_owned(), vec![value])),
        }
    }

    pub(super) fn includes(&self, what: &str) -> bool {
        self.include.contains(what)
    }
}

fn bad(errno: u32, field: &str, value: &str) -> Problem {
    Problem::new(422, errno, format!("Invalid {field}.")).at("", field, value)
}

/// The values given for one search key.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) key: &'a str,
    pub(super) values: &'a [String],
}

impl Given<'_> {
    /// The last one, as web frameworks read a repeated key.
    pub(super) fn text(&self) -> String {
        self.values.last().cloned().unwrap_or_default()
    }

    pub(super) fn lowercase(&self) -> String {
        self.text().to_lowercase()
    }

    pub(super) fn ids(&self) -> Result<Vec<u64>, Problem> {
        self.values.iter().map(|id| id.parse().map_err(|_| Problem::not_a_number("", self.key, id))).collect()
    }

    pub(super) fn int(&self) -> Result<i64, Problem> {
        self.text().parse().map_err(|_| Problem::not_a_number("", self.key, self.text()))
    }

    pub(super) fn decimal(&self) -> Result<Decimal, Problem> {
        Decimal::from_str_exact(&self.text()).map_err(|_| Problem::not_a_number("", self.key, self.text()))
    }

    pub(super) fn date(&self) -> Result<NaiveDate, Problem> {
        parse_date(&self.text()).ok_or_else(|| Problem::not_a_date("", self.key, self.text()))
    }

    pub(super) fn flag(&self) -> Result<bool, Problem> {
        match self.text().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(Problem::not_a_bool("", self.key, other)),
        }
    }
}

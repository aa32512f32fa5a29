//! Request bodies, read key by key.
//!
//! The platform looks only for keys it knows: strange ones are ignored, its own read-only ones refused, and a known key of a wrong type is
//! an error with a number of its own. A derived type could not tell these apart.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::problem::Problem;

/// A text the caller may write.
pub(super) struct Text {
    pub(super) key: &'static str,
    /// Unset is `null` rather than `""`.
    pub(super) nullable: bool,
    /// Longest accepted, in characters.
    pub(super) max: usize,
}

/// A text that is `""` when unset.
pub(super) const fn text(key: &'static str, max: usize) -> Text {
    Text { key, nullable: false, max }
}

/// A text that is `null` when unset.
pub(super) const fn nullable(key: &'static str, max: usize) -> Text {
    Text { key, nullable: true, max }
}

/// The fields of one object in a body.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) object: &'static str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'static str, map: &'a Map<String, Value>) -> Fields<'a> {
        Fields { object, map }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(super) fn has_action(&self) -> bool {
        self.map.keys().any(|key| key.starts_with("action_"))
    }

    /// The value, unless absent or `null`.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Fails on the first key the platform knows and does not let anyone write.
    pub(super) fn refuse(&self, read_only: &[&str]) -> Result<(), Problem> {
        match read_only.iter().find(|key| self.has(key)) {
            Some(key) => Err(Problem::read_only(self.object, key)),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, key: &str, max: usize) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let Value::String(text) = value else {
            return Err(Problem::invalid(self.object, key, value, "must be a string"));
        };
        if text.chars().count() > max {
            let message = format!("The field '{key}' is longer than {max} characters.");
            return Err(Problem::new(422, 1017, message).at(self.object, key, text));
        }
        Ok(Some(text))
    }

    /// Writes every given text of `schema` into `target`.
    pub(super) fn texts(&self, schema: &[Text], target: &mut Map<String, Value>) -> Result<(), Problem> {
        for Text { key, nullable, max } in schema {
            if !self.has(key) {
                continue;
            }
            let value = match self.text(key, *max)? {
                Some(text) => Value::from(text),
                None if *nullable => Value::Null,
                None => Value::from(""),
            };
            target.insert((*key).to_owned(), value);
        }
        Ok(())
    }

    /// Ids and counts; a number written as text counts.
    pub(super) fn int(&self, key: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| Problem::not_a_number(self.object, key, value))
    }

    /// A whole number that must come as a JSON number.
    pub(super) fn strict_int(&self, key: &str) -> Result<Option<i64>, Problem> {
        match self.value(key) {
            Some(value @ Value::String(_)) => Err(Problem::not_a_number(self.object, key, value)),
            _ => self.int(key),
        }
    }

    pub(super) fn id(&self, key: &str) -> Result<Option<u64>, Problem> {
        let Some(id) = self.int(key)? else { return Ok(None) };
        u64::try_from(id).map(Some).map_err(|_| Problem::invalid(self.object, key, id, "is not an id"))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Problem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(Problem::not_a_bool(self.object, key, other)),
        }
    }

    pub(super) fn date(&self, key: &str) -> Result<Option<NaiveDate>, Problem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => {
                parse_date(text).map(Some).ok_or_else(|| Problem::not_a_date(self.object, key, text))
            }
            Some(other) => Err(Problem::not_a_date(self.object, key, other)),
        }
    }

    /// A number or a number as text.
    pub(super) fn decimal(&self, key: &str) -> Result<Option<Decimal>, Problem> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let parsed = match value {
            Value::String(text) => Decimal::from_str_exact(text).ok(),
            Value::Number(number) => Decimal::from_str_exact(&number.to_string()).ok(),
            _ => None,
        };
        let fits = |number: &Decimal| number.abs() < Decimal::from(1_000_000_000_000_i64);
        parsed.filter(fits).map(Some).ok_or_else(|| Problem::not_a_number(self.object, key, value))
    }

    /// A percentage from 0 to 100 with no more than `scale` decimals.
    pub(super) fn percent(&self, key: &str, scale: u32) -> Result<Option<Decimal>, Problem> {
        let Some(percent) = self.decimal(key)?.map(|percent| percent.normalize()) else { return Ok(None) };
        if percent.scale() > scale || percent.is_sign_negative() || percent > Decimal::ONE_HUNDRED {
            let message = format!("The field '{key}' is not a valid percentage.");
            return Err(Problem::new(422, 1018, message).at(self.object, key, percent));
        }
        Ok(Some(percent))
    }

    /// A money object in `currency`; its amount must be text with at most two decimals.
    pub(super) fn money(&self, key: &str, currency: &str) -> Result<Option<Decimal>, Problem> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let Value::Object(map) = value else {
            return Err(Problem::invalid(self.object, key, value, "must be an object of amount and code"));
        };
        let money = Fields::new(self.object, map);
        let Some(Value::String(amount)) = money.value("amount") else {
            return Err(Problem::invalid(self.object, key, value, "needs an amount that is a string"));
        };
        if let Some(code) = money.text("code", 3)?
            && code != currency
        {
            return Err(Problem::invalid(self.object, key, code, &format!("must be in {currency}")));
        }
        let amount = money.decimal("amount")?.filter(|number| number.normalize().scale() <= 2).ok_or_else(|| {
            Problem::invalid(self.object, key, amount, "must be an amount of money with two decimals")
        })?;
        Ok(Some(amount))
    }

    /// An ISO 4217 code.
    pub(super) fn currency(&self, key: &str) -> Result<Option<&'a str>, Problem> {
        let Some(code) = self.text(key, 3)? else { return Ok(None) };
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Problem::invalid(self.object, key, code, "must be a currency code"));
        }
        Ok(Some(code))
    }
}

/// `YYYY-MM-DD` and nothing else.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

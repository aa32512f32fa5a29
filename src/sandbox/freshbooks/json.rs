//! Answers, written straight to text.
//!
//! An invoice has some eighty keys. Building them as a tree of values first and printing that afterwards takes three times as long, which is
//! what a day of a hundred thousand orders notices.

use std::fmt::Write;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// Something that can be a value in an answer.
pub(super) trait Json {
    fn write(&self, out: &mut String);
}

/// JSON written beforehand.
pub(super) struct Raw(pub(super) &'static str);

/// No value.
pub(super) const NULL: Raw = Raw("null");

/// `{"amount": "12.30", "code": "CAD"}`.
pub(super) struct Money<'a>(pub(super) Decimal, pub(super) &'a str);

/// A number as text, without trailing zeros.
pub(super) struct Plain(pub(super) Decimal);

/// A list of things that know how to write themselves.
pub(super) struct List<I>(pub(super) I);

impl Json for Raw {
    fn write(&self, out: &mut String) {
        out.push_str(self.0);
    }
}

impl Json for &str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for char in self.chars() {
            match char {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control < ' ' => print(out, format_args!("\\u{:04x}", u32::from(control))),
                other => out.push(other),
            }
        }
        out.push('"');
    }
}

impl Json for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl Json for NaiveDate {
    fn write(&self, out: &mut String) {
        print(out, format_args!("\"{self}\""));
    }
}

impl Json for Money<'_> {
    fn write(&self, out: &mut String) {
        let Money(amount, code) = self;
        print(out, format_args!("{{\"amount\":\"{amount:.2}\",\"code\":\"{code}\"}}"));
    }
}

impl Json for Plain {
    fn write(&self, out: &mut String) {
        print(out, format_args!("\"{}\"", self.0.normalize()));
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => NULL.write(out),
        }
    }
}

impl<F: Fn(&mut Object), I: Iterator<Item = F> + Clone> Json for List<I> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (place, fill) in self.0.clone().enumerate() {
            if place > 0 {
                out.push(',');
            }
            let mut object = Object::open(std::mem::take(out));
            fill(&mut object);
            *out = object.close();
        }
        out.push(']');
    }
}

macro_rules! displayed {
    ($($kind:ty),*) => {
        $(impl Json for $kind {
            fn write(&self, out: &mut String) {
                print(out, format_args!("{self}"));
            }
        })*
    };
}
displayed!(bool, i64, u64, usize);

// Writing to a string cannot fail.
fn print(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// An object under way.
pub(super) struct Object {
    out: String,
    empty: bool,
}

impl Object {
    /// Starts one behind `out`.
    pub(super) fn open(mut out: String) -> Object {
        out.push('{');
        Object { out, empty: true }
    }

    /// The text so far and this object.
    pub(super) fn close(mut self) -> String {
        self.out.push('}');
        self.out
    }

    /// `key` must need no escaping.
    pub(super) fn put(&mut self, key: &str, value: impl Json) {
        self.key(key);
        value.write(&mut self.out);
    }

    /// Everything in `map`, whose keys need no escaping either.
    pub(super) fn all(&mut self, map: &Map<String, Value>) {
        for (key, value) in map {
            self.key(key);
            match value {
                Value::Null => NULL.write(&mut self.out),
                Value::Bool(flag) => flag.write(&mut self.out),
                Value::String(text) => text.write(&mut self.out),
                other => self.out.push_str(&other.to_string()),
            }
        }
    }

    fn key(&mut self, key: &str) {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.out.push_str(key);
        self.out.push_str("\":");
        self.empty = false;
    }
}

/// Writes many keys, in the shape of the JSON they become.
macro_rules! put_all {
    ($object:expr, {$($key:literal: $value:expr),* $(,)?}) => {
        $($object.put($key, $value);)*
    };
}
pub(super) use put_all;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let awkward = "a \"b\" \\ c\n\r\t\u{1} é 😀 /";
        let map = Map::from_iter([
            ("m".to_owned(), json!(awkward)),
            ("f".to_owned(), json!(false)),
            ("o".to_owned(), json!([1])),
        ]);
        let mut object = Object::open(String::new());
        object.all(&map);
        put_all!(object, {
            "text": awkward, "none": None::<i64>, "some": Some(5_u64), "raw": Raw("[]"), "flag": true,
            "money": Money("-4.4".parse().unwrap(), "CAD"), "plain": Plain("9.9750".parse().unwrap()),
            "list": List([1_i64, 2].iter().map(|n| move |object: &mut Object| object.put("n", *n))),
        });
        let read: Value = serde_json::from_str(&object.close()).unwrap();
        assert_eq!(
            read,
            json!({
                "m": awkward, "f": false, "o": [1], "text": awkward, "none": null, "some": 5, "raw": [], "flag": true,
                "money": {"amount": "-4.40", "code": "CAD"}, "plain": "9.975", "list": [{"n": 1}, {"n": 2}],
            })
        );
    }
}

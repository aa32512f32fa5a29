//! Shopify's search syntax, as far as orders and bulk operations are searched.
//!
//! An unknown field is ignored and everything comes back, with a warning that only a careful client reads; a value that a field does
//! not know finds nothing; a timestamp that is none is an error. `OR` binds tighter than `AND`.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

/// What a field holds, and so how it is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Time,
    Number,
    Text,
    /// One of these, in lower case.
    Choice(&'static [&'static str]),
}

/// What an item holds in a field.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Time(Option<DateTime<Utc>>),
    Number(i64),
    Text(Vec<String>),
}

/// Something that can be searched for.
pub(super) trait Searchable {
    /// The fields that may be asked for.
    fn kind(field: &str) -> Option<Kind>;
    /// What this item holds there.
    fn held(&self, field: &str) -> Held;
    /// What a word without a field is looked up in.
    fn words(&self) -> Vec<String>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Is,
    Less,
    LessOrIs,
    More,
    MoreOrIs,
}

#[derive(Clone, Debug)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Word(String),
    Ignored,
    Never,
    Time(String, Compare, DateTime<Utc>, TimeDelta),
    Number(String, Compare, i64),
    Text(String, String),
}

/// A query that was understood.
#[derive(Clone, Debug)]
pub(super) struct Search {
    term: Term,
    /// What the client should have been warned of.
    pub(super) warnings: Vec<Value>,
    parsed: Value,
}

impl Search {
    /// Reads a query; the error is Shopify's message.
    pub(super) fn parse<T: Searchable>(query: &str) -> Result<Search, String> {
        let mut reader = Reader { tokens: tokens(query), at: 0, warnings: Vec::new(), parsed: Vec::new() };
        let term = reader.all::<T>()?;
        let parsed = match reader.parsed.len() {
            1 => reader.parsed.remove(0),
            _ => json!({ "and": reader.parsed }),
        };
        Ok(Search { term, warnings: reader.warnings, parsed })
    }

    pub(super) fn finds<T: Searchable>(&self, item: &T) -> bool {
        finds(&self.term, item)
    }

    /// The entry of `extensions.search` for a field of the answer.
    pub(super) fn note(&self, path: &str, query: &str) -> Value {
        json!({ "path": [path], "query": query, "parsed": self.parsed, "warnings": self.warnings })
    }
}

fn finds<T: Searchable>(term: &Term, item: &T) -> bool {
    match term {
        Term::All(parts) => parts.iter().all(|part| finds(part, item)),
        Term::Any(parts) => parts.iter().any(|part| finds(part, item)),
        Term::Not(part) => !finds(part, item),
        Term::Word(word) => item.words().iter().any(|text| text.to_lowercase().contains(word)),
        Term::Ignored => true,
        Term::Never => false,
        Term::Time(field, compare, mark, span) => match item.held(field) {
            Held::Time(Some(time)) if *compare == Compare::Is => time >= *mark && time < *mark + *span,
            Held::Time(Some(time)) => holds(*compare, &time, mark),
            _ => false,
        },
        Term::Number(field, compare, mark) => {
            matches!(item.held(field), Held::Number(number) if holds(*compare, &number, mark))
        }
        Term::Text(field, wanted) => {
            let Held::Text(texts) = item.held(field) else { return false };
            let matches = |text: &String| {
                let text = text.to_lowercase();
                wanted.strip_suffix('*').map_or(text == *wanted, |start| text.starts_with(start))
            };
            texts.iter().any(matches)
        }
    }
}

fn holds<V: PartialOrd>(compare: Compare, value: &V, mark: &V) -> bool {
    match compare {
        Compare::Is => value == mark,
        Compare::Less => value < mark,
        Compare::LessOrIs => value <= mark,
        Compare::More => value > mark,
        Compare::MoreOrIs => value >= mark,
    }
}

/// Words, quoted parts kept whole; parentheses stand alone.
fn tokens(query: &str) -> Vec<String> {
    let (mut tokens, mut token, mut quote) = (Vec::new(), String::new(), None);
    let mut escaped = false;
    for letter in query.chars() {
        match (letter, quote) {
            ('\\', _) if !escaped => {
                escaped = true;
                continue;
            }
            (_, Some(open)) if letter == open && !escaped => quote = None,
            ('\'' | '"', None) if !escaped => quote = Some(letter),
            ('(' | ')', None) => {
                tokens.extend((!token.is_empty()).then(|| std::mem::take(&mut token)));
                tokens.push(letter.to_string());
            }
            (space, None) if space.is_whitespace() => {
                tokens.extend((!token.is_empty()).then(|| std::mem::take(&mut token)));
            }
            _ => token.push(letter),
        }
        escaped = false;
    }
    tokens.extend((!token.is_empty()).then_some(token));
    tokens
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
    warnings: Vec<Value>,
    parsed: Vec<Value>,
}

impl Reader {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn all<T: Searchable>(&mut self) -> Result<Term, String> {
        let mut parts = Vec::new();
        while let Some(token) = self.peek() {
            match token {
                ")" => break,
                "AND" => self.at += 1,
                _ => parts.push(self.any::<T>()?),
            }
        }
        Ok(Term::All(parts))
    }

    fn any<T: Searchable>(&mut self) -> Result<Term, String> {
        let mut parts = vec![self.one::<T>()?];
        while self.peek() == Some("OR") {
            self.at += 1;
            parts.push(self.one::<T>()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Term::Any(parts) })
    }

    fn one<T: Searchable>(&mut self) -> Result<Term, String> {
        let Some(token) = self.peek().map(str::to_owned) else { return Ok(Term::Ignored) };
        self.at += 1;
        match token.as_str() {
            "NOT" => Ok(Term::Not(Box::new(self.one::<T>()?))),
            "(" => {
                let inner = self.all::<T>()?;
                self.at += 1;
                Ok(inner)
            }
            _ => match token.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => Ok(Term::Not(Box::new(self.term::<T>(rest)?))),
                _ => self.term::<T>(&token),
            },
        }
    }

    fn term<T: Searchable>(&mut self, token: &str) -> Result<Term, String> {
        let Some((field, value)) = token.split_once(':') else {
            self.parsed.push(json!({ "field": "default", "match_all": token }));
            return Ok(Term::Word(token.to_lowercase()));
        };
        let (compare, name, value) = [
            (Compare::MoreOrIs, "gte", ">="),
            (Compare::LessOrIs, "lte", "<="),
            (Compare::More, "gt", ">"),
            (Compare::Less, "lt", "<"),
        ]
        .into_iter()
        .find_map(|(compare, name, sign)| Some((compare, name, value.strip_prefix(sign)?)))
        .unwrap_or((Compare::Is, "", value));
        self.parsed.push(match compare {
            Compare::Is => json!({ "field": field, "match_all": value }),
            _ => json!({ "field": field, "range": { name: value } }),
        });
        let Some(kind) = T::kind(field) else {
            self.warnings.push(json!({
                "field": field, "message": "Invalid search field for this query.", "code": "invalid_field",
            }));
            return Ok(Term::Ignored);
        };
        let field = field.to_owned();
        let lower = value.to_lowercase();
        let mut never = |value: &str| {
            let message = format!("Input `{value}` is not an accepted value.");
            self.warnings.push(json!({ "field": field, "message": message, "code": "invalid_value" }));
            Ok(Term::Never)
        };
        match kind {
            Kind::Time => {
                let (mark, span) =
                    moment(value).ok_or_else(|| format!("Invalid timestamp for query filter `{field}`."))?;
                Ok(Term::Time(field, compare, mark, span))
            }
            Kind::Number => match value.rsplit('/').next().and_then(|digits| digits.parse().ok()) {
                Some(mark) => Ok(Term::Number(field, compare, mark)),
                None => never(value),
            },
            Kind::Text => Ok(Term::Text(field, lower)),
            Kind::Choice(accepted) => {
                let wanted: Vec<&str> = lower.split(',').collect();
                if wanted.iter().all(|choice| accepted.contains(choice)) {
                    let parts = wanted.iter().map(|choice| Term::Text(field.clone(), (*choice).to_owned()));
                    Ok(Term::Any(parts.collect()))
                } else {
                    never(value)
                }
            }
        }
    }
}

/// An instant, or the start of a day (in UTC: the zone of bare dates is not documented), and how long it lasts.
fn moment(text: &str) -> Option<(DateTime<Utc>, TimeDelta)> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some((time.to_utc(), TimeDelta::seconds(1)));
    }
    if let Ok(time) = text.parse::<chrono::NaiveDateTime>() {
        return Some((time.and_utc(), TimeDelta::seconds(1)));
    }
    let day = text.parse::<NaiveDate>().ok()?;
    Some((day.and_hms_opt(0, 0, 0)?.and_utc(), TimeDelta::days(1)))
}

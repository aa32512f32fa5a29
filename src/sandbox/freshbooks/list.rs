//! Reading: one object by id, or a page of those that a search matches.
//!
//! A search key that is not understood changes nothing, exactly as on the platform: the answer is then the unfiltered list. It is written
//! down, so that a test can insist that no such key is ever used.

use std::{cmp::Ordering, collections::BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    books::{Books, Index, Record},
    json::{List, Object},
    problem::Problem,
    query::{Given, Query},
    render::eastern_date,
};

/// What a search key asks of a row.
pub(super) type Term<R> = Box<dyn Fn(&Books, &R) -> bool>;

/// A resource of the accounting family.
pub(super) trait Listed: Record {
    /// Its wrapper, and its name in errors.
    const SINGULAR: &'static str;
    /// Its key in lists.
    const PLURAL: &'static str;
    /// What errors call its id.
    const ID_FIELD: &'static str;
    /// Search keys that take ids of its own.
    const ID_KEYS: &'static [&'static str] = &[];
    /// Search keys that mean the same for most resources.
    const SHARED_KEYS: &'static [&'static str] = &["vis_state", "updated_min", "updated_max"];
    /// The order of a list that is not sorted otherwise.
    const NEWEST_FIRST: bool = true;

    /// 0 active, 1 deleted, 2 archived; `None` where the resource has no such thing.
    fn vis_state(&self) -> Option<i64>;
    fn updated_at(&self) -> DateTime<Utc>;
    /// The index that answers an exact key, and the key to look for there.
    fn narrow(given: Given<'_>) -> Option<(Index, String)>;
    /// The meaning of a search key, or `None` if it has none.
    fn term(given: Given<'_>) -> Result<Option<Term<Self>>, Problem>;
    /// The order a `sort` key without its direction asks for.
    fn order(_key: &str) -> Option<fn(&Self, &Self) -> Ordering> {
        None
    }
    /// Writes its keys.
    fn render(&self, books: &Books, query: &Query, out: &mut Object);
}

/// `response.result.<singular>`.
pub(super) fn one<R: Listed>(books: &Books, id: u64, query: &Query) -> Result<String, Problem> {
    let row = R::rows(books).get(&id).ok_or_else(|| Problem::unknown(R::SINGULAR, R::ID_FIELD, id))?;
    let mut object = Object::open(format!("{{\"response\":{{\"result\":{{\"{}\":", R::SINGULAR));
    row.render(books, query, &mut object);
    Ok(object.close() + "}}}")
}

/// A page of those that fit, deleted ones only where asked for.
pub(super) fn page<R: Listed>(books: &mut Books, query: &Query) -> Result<String, Problem> {
    let mut terms: Vec<Term<R>> = Vec::new();
    let mut narrowed = None;
    let mut named: Option<BTreeSet<u64>> = None;
    let mut asks_for_state = false;
    for (key, values) in &query.search {
        let given = Given { key, values };
        let term = match key.as_str() {
            key if R::ID_KEYS.contains(&key) => {
                let ids: BTreeSet<u64> = given.ids()?.into_iter().collect();
                named = Some(named.map_or_else(|| ids.clone(), |known| &known & &ids));
                continue;
            }
            key if !R::SHARED_KEYS.contains(&key) => R::term(given)?,
            "vis_state" => vis_state_term(given)?,
            _ => Some(updated_term(given)?),
        };
        match term {
            Some(term) => {
                asks_for_state |= key == "vis_state";
                terms.push(term);
                narrowed = narrowed.or_else(|| R::narrow(given));
            }
            None => {
                books.ignored.insert(format!("{}.{key}", R::PLURAL));
            }
        }
    }
    let books = &*books;
    let fits = |row: &&R| (asks_for_state || row.vis_state() != Some(1)) && terms.iter().all(|term| term(books, row));
    let row = |id: u64| R::rows(books).get(&id);
    let mut rows: Vec<&R> = match (named, narrowed) {
        (Some(ids), _) => ids.into_iter().rev().filter_map(row).filter(fits).collect(),
        (None, Some((index, key))) => books.found(index, key).rev().filter_map(row).filter(fits).collect(),
        (None, None) => R::rows(books).values().rev().filter(fits).collect(),
    };
    if !R::NEWEST_FIRST {
        rows.reverse();
    }
    if let Some((key, descending)) = query.sort.as_deref().and_then(direction)
        && let Some(order) = R::order(key)
    {
        rows.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
    }
    let total = rows.len() as u64;
    let skip = usize::try_from((query.page - 1).saturating_mul(query.per_page)).unwrap_or(usize::MAX);
    let take = usize::try_from(query.per_page).unwrap_or(usize::MAX);
    let shown = rows.into_iter().skip(skip).take(take);
    let mut result = Object::open("{\"response\":{\"result\":".to_owned());
    result.put(R::PLURAL, List(shown.map(|row| move |object: &mut Object| row.render(books, query, object))));
    result.put("page", query.page);
    result.put("pages", total.div_ceil(query.per_page));
    result.put("per_page", query.per_page);
    result.put("total", total);
    Ok(result.close() + "}}")
}

fn direction(sort: &str) -> Option<(&str, bool)> {
    sort.strip_suffix("_asc").map(|key| (key, false)).or_else(|| sort.strip_suffix("_desc").map(|key| (key, true)))
}

fn vis_state_term<R: Listed>(given: Given<'_>) -> Result<Option<Term<R>>, Problem> {
    let wanted = given.int()?;
    Ok(Some(Box::new(move |_, row| row.vis_state().is_none_or(|state| state == wanted))))
}

// The minimum is inclusive, the maximum is not; both mean Eastern days.
fn updated_term<R: Listed>(given: Given<'_>) -> Result<Term<R>, Problem> {
    let day = given.date()?;
    let minimum = given.key == "updated_min";
    Ok(Box::new(move |_, row| {
        let updated = eastern_date(row.updated_at());
        if minimum { updated >= day } else { updated < day }
    }))
}

/// A case-insensitive look for `needle` in any of `texts`.
pub(super) fn like<'a>(needle: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    texts.into_iter().any(|text| text.to_lowercase().contains(needle))
}

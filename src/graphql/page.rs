//! Lists by key, never by offset: a page begins where the last one ended, whatever was added or removed in between.
//!
//! A list is ordered by an instant that may be missing, then by the row's number. A missing instant counts as later than any other on both
//! databases, which disagree about it; so rows without one are read by a statement of their own, each served by the same index.

use std::sync::Arc;

use async_graphql::{
    Context, Object,
    connection::{self as relay, CursorType, Edge, EmptyFields},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, Order as Direction, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::{
    auth::Asking,
    error::{Fault, Result},
};
use crate::app::App;

/// Rows of a page where nobody says how many.
pub(super) const DEFAULT: i32 = 20;
/// Rows of the largest page.
const MOST: i32 = 100;

/// A page of a list.
pub(super) type Page<N> = relay::Connection<Cursor, N, Total, EmptyFields>;

/// Where a row stands in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The instant that the list is ordered by.
    pub(super) at: Option<DateTime<Utc>>,
    /// The row's number.
    pub(super) id: i64,
}

/// A [`Key`] together with the list's order: a cursor of another order is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    order: char,
    key: Key,
}

impl CursorType for Cursor {
    type Error = &'static str;

    fn decode_cursor(text: &str) -> std::result::Result<Self, Self::Error> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let mut parts = text.split(':');
            let (order, at, id) = (parts.next()?, parts.next()?, parts.next()?);
            let at = match at {
                "" => None,
                micros => Some(DateTime::from_timestamp_micros(micros.parse().ok()?)?),
            };
            Some(Self { order: order.chars().next()?, key: Key { at, id: id.parse().ok()? } })
        };
        read().ok_or("it is not a cursor of this service")
    }

    fn encode_cursor(&self) -> String {
        let at = self.key.at.map(|at| at.timestamp_micros().to_string()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{}:{at}:{}", self.order, self.key.id))
    }
}

/// Relay's four arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// So many from the beginning, or after `after`.
    pub(super) first: Option<i32>,
    /// A cursor.
    pub(super) after: Option<String>,
    /// So many from the end, or before `before`.
    pub(super) last: Option<i32>,
    /// A cursor.
    pub(super) before: Option<String>,
}

/// How many rows a list may cost, for the limit of complexity.
pub(super) fn cost(first: Option<i32>, last: Option<i32>) -> usize {
    usize::try_from(first.or(last).unwrap_or(DEFAULT).clamp(1, 1000)).unwrap_or(1)
}

/// How a list is ordered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort<E: EntityTrait> {
    /// Tells cursors of different orders apart.
    pub(super) order: char,
    /// The instant; without one, the number alone.
    pub(super) at: Option<E::Column>,
    /// The row's number.
    pub(super) id: E::Column,
    /// Latest first, or earliest first.
    pub(super) latest_first: bool,
}

/// Which rows.
struct Window {
    forward: bool,
    limit: u64,
    after: Option<Key>,
    before: Option<Key>,
}

impl Asked {
    fn window(&self, order: char) -> Result<Window> {
        let bad = |text: &str| Fault::BadInput(text.to_owned());
        let (name, count) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(bad("Give `first` or `last`, not both.")),
            (None, Some(last)) => ("last", last),
            (first, None) => ("first", first.unwrap_or(DEFAULT)),
        };
        if !(0..=MOST).contains(&count) {
            return Err(Fault::BadInput(format!("`{name}` must be from 0 to {MOST}.")));
        }
        let key = |name: &str, text: &Option<String>| match text.as_deref().map(Cursor::decode_cursor) {
            None => Ok(None),
            Some(Ok(cursor)) if cursor.order == order => Ok(Some(cursor.key)),
            Some(Ok(_)) => Err(Fault::BadInput(format!("`{name}` is a cursor of a list in another order."))),
            Some(Err(reason)) => Err(Fault::BadInput(format!("`{name}`: {reason}."))),
        };
        Ok(Window {
            forward: name == "first",
            limit: u64::try_from(count).unwrap_or(0),
            after: key("after", &self.after)?,
            before: key("before", &self.before)?,
        })
    }
}

/// Reads a page of `select`, which must not be ordered yet.
pub(super) async fn page<E, N>(
    conn: &impl ConnectionTrait,
    select: Select<E>,
    sort: Sort<E>,
    asked: &Asked,
    key: impl Fn(&E::Model) -> Key,
    node: impl Fn(E::Model) -> N,
) -> Result<Page<N>>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    N: async_graphql::OutputType,
{
    let window = asked.window(sort.order)?;
    let mut rows = rows(conn, &select, sort, &window).await?;
    let more = rows.len() as u64 > window.limit;
    rows.truncate(usize::try_from(window.limit).unwrap_or(usize::MAX));
    let (before, after) = if window.forward {
        (window.after.is_some(), more)
    } else {
        rows.reverse();
        (more, window.before.is_some())
    };
    let mut page = Page::with_additional_fields(before, after, Total::of(select));
    page.edges.extend(rows.into_iter().map(|row| Edge::new(Cursor { order: sort.order, key: key(&row) }, node(row))));
    Ok(page)
}

/// One row more than the window holds, where there is one; from its end where it is read backward.
async fn rows<E>(
    conn: &impl ConnectionTrait,
    select: &Select<E>,
    sort: Sort<E>,
    window: &Window,
) -> std::result::Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
{
    let descending = sort.latest_first == window.forward;
    let direction = || if descending { Direction::Desc } else { Direction::Asc };
    let parts: &[bool] = match (sort.at.is_some(), descending) {
        (false, _) => &[true],
        (true, true) => &[true, false],
        (true, false) => &[false, true],
    };
    let mut rows = Vec::new();
    for &timeless in parts {
        let missing = (window.limit + 1).saturating_sub(rows.len() as u64);
        let bounds = [(window.after, sort.latest_first), (window.before, !sort.latest_first)];
        let Some(bounds) = bounds
            .into_iter()
            .filter_map(|(key, earlier)| Some((key?, earlier)))
            .map(|(key, earlier)| beyond(sort, key, earlier, timeless))
            .collect::<Option<Vec<_>>>()
        else {
            continue;
        };
        if missing == 0 {
            break;
        }
        let mut part = select.clone();
        if let Some(at) = sort.at {
            part = part.filter(if timeless { at.is_null() } else { at.is_not_null() });
            if !timeless {
                part = part.order_by(at, direction());
            }
        }
        for bound in bounds {
            part = part.filter(bound);
        }
        rows.extend(part.order_by(sort.id, direction()).limit(missing).all(conn).await?);
    }
    Ok(rows)
}

/// The rows earlier (or later) than `key` among those with (or without) an instant; `None` where there are none.
fn beyond<E: EntityTrait>(sort: Sort<E>, key: Key, earlier: bool, timeless: bool) -> Option<Condition> {
    let id = || if earlier { sort.id.lt(key.id) } else { sort.id.gt(key.id) };
    match (timeless, sort.at, key.at) {
        (true, _, None) => Some(Condition::all().add(id())),
        // Those without an instant are later than all others.
        (true, _, Some(_)) => (!earlier).then(Condition::all),
        (false, Some(at), Some(key_at)) => {
            let (upto, before) =
                if earlier { (at.lte(key_at), at.lt(key_at)) } else { (at.gte(key_at), at.gt(key_at)) };
            // The first half alone is what an index can seek.
            Some(Condition::all().add(upto).add(Condition::any().add(before).add(id())))
        }
        (false, ..) => earlier.then(Condition::all),
    }
}

type Counting = Arc<dyn Fn(App) -> BoxFuture<'static, std::result::Result<u64, DbErr>> + Send + Sync>;

/// Counts when asked, and not before.
pub(super) struct Total(Counting);

impl Total {
    fn of<E>(select: Select<E>) -> Self
    where
        E: EntityTrait,
        E::Model: Send + Sync,
    {
        Self(Arc::new(move |app| {
            let select = select.clone();
            Box::pin(async move { select.count(app.db.read()).await })
        }))
    }
}

/// Counts when asked, and not before.
#[Object]
impl Total {
    /// How many there are in all, on every page. Counted only when selected: leave it out of what is asked often.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok((self.0)(ctx.app().clone()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for at in [None, DateTime::from_timestamp_micros(1_790_000_000_123_456)] {
            let cursor = Cursor { order: 'p', key: Key { at, id: 7 } };
            assert_eq!(Cursor::decode_cursor(&cursor.encode_cursor()), Ok(cursor));
        }
        for text in ["", "!", "cA", "cDo6"] {
            assert!(Cursor::decode_cursor(text).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn windows_that_cannot_be_meant_are_refused() {
        let asked = |first, last| Asked { first, last, ..Asked::default() };
        for wrong in [asked(Some(1), Some(1)), asked(Some(101), None), asked(None, Some(-1))] {
            assert!(wrong.window('p').is_err(), "{wrong:?} was taken");
        }
        assert_eq!(asked(None, None).window('p').ok().map(|window| window.limit), Some(20));
        let of_another = Asked {
            after: Some(Cursor { order: 'u', key: Key { at: None, id: 1 } }.encode_cursor()),
            ..Asked::default()
        };
        assert!(of_another.window('p').is_err());
    }
}

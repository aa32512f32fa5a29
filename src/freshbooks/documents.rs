//! Many documents at once, as FreshBooks shows them: for comparing them with what we wrote.
//!
//! A search that FreshBooks does not understand finds everything, and lists leave out what is deleted. So rows that nobody asked for are
//! dropped, and what no list shows is read by its id before anybody may say that it is gone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Books, Error, PER_PAGE, part, read};

/// As many as one answer holds.
const BATCH: usize = 100;

/// What FreshBooks keeps for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Documents {
    /// Its customers.
    Clients,
    /// With their lines.
    Invoices,
    /// Money that came in.
    Payments,
    /// With their lines. No list finds them by id: each costs a call.
    CreditNotes,
}

impl Documents {
    fn path(self) -> &'static str {
        match self {
            Self::Clients => "users/clients",
            Self::Invoices => "invoices/invoices",
            Self::Payments => "payments/payments",
            Self::CreditNotes => "credit_notes/credit_notes",
        }
    }

    /// In an answer about one.
    fn key(self) -> &'static str {
        match self {
            Self::Clients => "client",
            Self::Invoices => "invoice",
            Self::Payments => "payment",
            Self::CreditNotes => "credit_note",
        }
    }

    /// In a list.
    fn plural(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Invoices => "invoices",
            Self::Payments => "payments",
            Self::CreditNotes => "credit_notes",
        }
    }

    fn search(self) -> Option<&'static str> {
        match self {
            Self::Clients => Some("search[userids][]"),
            Self::Invoices => Some("search[invoiceids][]"),
            Self::Payments => Some("search[logids][]"),
            Self::CreditNotes => None,
        }
    }

    fn include(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Clients | Self::Payments => &[],
            Self::Invoices | Self::CreditNotes => &[("include[]", "lines")],
        }
    }
}

impl Books {
    /// These documents by id, whole and as they came: active, archived and deleted. One that is missing is not there at all.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn documents(&self, kind: Documents, ids: &[i64]) -> Result<BTreeMap<i64, Value>, Error> {
        let mut missing: BTreeSet<i64> = ids.iter().copied().collect();
        let mut found = BTreeMap::new();
        if let Some(search) = kind.search() {
            let all: Vec<i64> = missing.iter().copied().collect();
            for deleted in [false, true] {
                for batch in all.chunks(BATCH) {
                    let batch: Vec<i64> = batch.iter().copied().filter(|id| missing.contains(id)).collect();
                    for (id, row) in self.listed(kind, search, &batch, deleted).await? {
                        if missing.remove(&id) {
                            found.insert(id, row);
                        }
                    }
                }
            }
        }
        for id in missing {
            let row = self.find(&format!("{}/{id}", kind.path()), kind.include(), kind.key()).await?;
            found.extend(row.map(|row| (id, row)));
        }
        Ok(found)
    }

    /// One page of a list; it holds as many as were asked for, and where it holds others the search was not understood.
    async fn listed(
        &self,
        kind: Documents,
        search: &str,
        ids: &[i64],
        deleted: bool,
    ) -> Result<Vec<(i64, Value)>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let mut query: Vec<(&str, &str)> = ids.iter().map(|id| (search, id.as_str())).collect();
        query.extend(kind.include());
        query.extend(deleted.then_some(("search[vis_state]", "1")));
        query.extend([("page", "1"), ("per_page", PER_PAGE)]);
        let mut answer = self.get(kind.path(), &query).await?;
        let rows: Vec<Value> = read(false, part(&mut answer, kind.plural()), kind.plural())?;
        let number = |row: &Value| row["id"].as_i64().or_else(|| row["id"].as_str()?.parse().ok());
        Ok(rows.into_iter().filter_map(|row| Some((number(&row)?, row))).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};

    fn list(kind: Documents, rows: &[Value]) -> Reply {
        Reply::json(
            200,
            json!({"response": {"result": {kind.plural(): rows, "page": 1, "pages": 1, "total": rows.len()}}}),
        )
    }

    fn one(kind: Documents, row: &Value) -> Reply {
        Reply::json(200, json!({"response": {"result": {kind.key(): row}}}))
    }

    fn unknown() -> Reply {
        Reply::json(404, json!({"response": {"errors": [{"errno": 1012, "message": "Not found."}]}}))
    }

    fn ids(found: &BTreeMap<i64, Value>) -> Vec<i64> {
        found.keys().copied().collect()
    }

    #[tokio::test]
    async fn invoices_come_whole_the_deleted_ones_as_well() {
        let kind = Documents::Invoices;
        let (live, gone) = (json!({"id": 7, "lines": [{"lineid": 1}], "odd": 0}), json!({"id": "8", "vis_state": 1}));
        let server =
            Server::start([list(kind, std::slice::from_ref(&live)), list(kind, std::slice::from_ref(&gone))]).await;
        let found = server.books().documents(kind, &[8, 7, 8]).await.unwrap();
        assert_eq!(found, BTreeMap::from([(7, live), (8, gone)]));
        let asked: Vec<String> =
            server.seen().into_iter().map(|seen| seen.path.replace("%5B", "[").replace("%5D", "]")).collect();
        let path = "/accounting/account/ZyX01a/invoices/invoices?search[invoiceids][]";
        assert_eq!(
            asked,
            [
                format!("{path}=7&search[invoiceids][]=8&include[]=lines&page=1&per_page=100"),
                format!("{path}=8&include[]=lines&search[vis_state]=1&page=1&per_page=100"),
            ]
        );
    }

    #[tokio::test]
    async fn each_kind_is_searched_by_its_own_word() {
        for (kind, path) in [
            (Documents::Clients, "users/clients?search[userids][]=7&page=1"),
            (Documents::Payments, "payments/payments?search[logids][]=7&page=1"),
        ] {
            let server = Server::start([list(kind, &[json!({"id": 7})])]).await;
            assert_eq!(ids(&server.books().documents(kind, &[7]).await.unwrap()), [7]);
            let asked = server.seen()[0].path.replace("%5B", "[").replace("%5D", "]");
            assert!(asked.contains(path), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_search_that_is_not_understood_hides_nothing_and_adds_nothing() {
        let kind = Documents::Payments;
        let others: Vec<Value> = (100..200).map(|id| json!({"id": id})).collect();
        let server = Server::start([
            list(kind, &others),
            list(kind, &others),
            one(kind, &json!({"id": 7, "vis_state": 1})),
            unknown(),
        ])
        .await;
        assert_eq!(ids(&server.books().documents(kind, &[7, 8]).await.unwrap()), [7]);
        assert_eq!(server.seen().len(), 4);
        assert!(server.seen()[2].path.ends_with("/payments/payments/7"));
    }

    #[tokio::test]
    async fn more_than_a_page_is_asked_for_in_pages() {
        let kind = Documents::Clients;
        let rows = |range: std::ops::RangeInclusive<i64>| -> Vec<Value> { range.map(|id| json!({"id": id})).collect() };
        let server = Server::start([list(kind, &rows(1..=100)), list(kind, &rows(101..=150))]).await;
        let asked: Vec<i64> = (1..=150).rev().collect();
        assert_eq!(server.books().documents(kind, &asked).await.unwrap().len(), 150);
        assert_eq!(server.seen().len(), 2);
        assert!(server.seen()[0].path.len() < 8000, "an address that every server takes");
        assert!(server.books().documents(kind, &[]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn credit_notes_are_read_one_by_one() {
        let kind = Documents::CreditNotes;
        let server = Server::start([one(kind, &json!({"id": 7, "lines": []})), unknown()]).await;
        assert_eq!(ids(&server.books().documents(kind, &[7, 8]).await.unwrap()), [7]);
        assert!(server.seen()[0].path.ends_with("/credit_notes/credit_notes/7?include%5B%5D=lines"));
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_is_not_an_empty_one() {
        let server = Server::start([Reply::json(200, json!({"response": {"result": {}}}))]).await;
        assert!(matches!(server.books().documents(Documents::Clients, &[7]).await, Err(Error::Malformed(_))));
    }
}

//! Credit notes: what the business owes a client. They name no invoice and lower none until somebody applies them.

use serde_json::{Map, Value, json};

use super::{
    Books, Error, Request, Told, filled,
    model::{CreditNote, CreditNoteDraft, VisState},
};

const PATH: &str = "credit_notes/credit_notes";

/// The same for a request as for an answer about one: the plural, which lists have, would hide every field.
const KEY: &str = "credit_note";

/// Without it an answer has no lines, not even to a request that wrote them.
const LINES: &str = "?include[]=lines";

/// Creates a credit note.
pub fn create(draft: &CreditNoteDraft) -> Request {
    Request::create(&format!("{PATH}{LINES}"), KEY, filled(draft))
}

/// Changes these fields, and no others. `lines` replaces the whole list; client, date, currency and type stay as created.
pub fn update(id: i64, fields: &Map<String, Value>) -> Request {
    Request::update(PATH, id, LINES, KEY, fields.clone().into())
}

/// Deletes, archives or brings back.
pub fn set_vis_state(id: i64, state: VisState) -> Request {
    Request::update(PATH, id, LINES, KEY, json!({ "vis_state": state }))
}

impl Books {
    /// Sends what a function of [`super::credit_notes`] made. After [`Error::Unknown`] look for it among its client's.
    ///
    /// # Errors
    /// As any write; see [`Error`].
    pub async fn send_credit_note(&self, request: &Request) -> Result<Told<CreditNote>, Error> {
        self.write(request, KEY).await
    }

    /// The credit note `id` with its lines, also when archived or deleted.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn credit_note(&self, id: i64) -> Result<Option<Told<CreditNote>>, Error> {
        self.find(&format!("{PATH}/{id}"), &[("include[]", "lines")], KEY).await
    }

    /// A client's credit notes with their lines, without deleted ones; those that FreshBooks made of an overpayment included.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn credit_notes_of(&self, client_id: i64) -> Result<Vec<Told<CreditNote>>, Error> {
        let id = client_id.to_string();
        let query = [("search[clientid]", id.as_str()), ("include[]", "lines")];
        let mut rows: Vec<Told<CreditNote>> = self.list(PATH, &query, "credit_notes").await?;
        // A key that FreshBooks does not know finds everybody's.
        rows.retain(|note| note.clientid == client_id && note.vis_state != VisState::Deleted);
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::{super::testing::*, *};
    use crate::freshbooks::model::{Amount, Line};

    fn draft() -> CreditNoteDraft {
        CreditNoteDraft {
            clientid: 12,
            create_date: "2026-11-20".parse().unwrap(),
            currency_code: "CAD".into(),
            credit_type: "goodwill".into(),
            notes: "refund 901".into(),
            lines: vec![Line {
                name: "Mug".into(),
                description: String::new(),
                qty: 1,
                unit_cost: Amount { amount: Decimal::from(20), code: "CAD".into() },
                tax_name1: Some("GST".into()),
                tax_amount1: Some(Decimal::from(5)),
                tax_name2: Some("QST".into()),
                tax_amount2: Some(Decimal::new(9975, 3)),
                compounded_tax: true,
            }],
        }
    }

    fn row(id: i64, client: i64, vis_state: i64) -> Value {
        let money = |amount: &str| json!({"amount": amount, "code": "CAD"});
        json!({"id": id, "clientid": client, "credit_type": "goodwill", "currency_code": "CAD", "amount": money("23.10"),
            "paid": money("0.00"), "notes": null, "payment_status": "unpaid", "vis_state": vis_state,
            "lines": [{"name": "Mug", "amount": money("20.00"), "taskno": 1}]})
    }

    #[test]
    fn a_create_is_wrapped_in_the_singular_and_shown_as_it_is_sent() {
        let request = create(&draft());
        assert_eq!(request.path, "credit_notes/credit_notes?include[]=lines");
        assert_eq!(
            request.body,
            json!({"credit_note": {"clientid": 12, "create_date": "2026-11-20", "currency_code": "CAD",
                "credit_type": "goodwill", "notes": "refund 901", "lines": [
                    {"name": "Mug", "description": "", "qty": "1", "unit_cost": {"amount": "20.00", "code": "CAD"},
                        "taxName1": "GST", "taxAmount1": "5", "taxName2": "QST", "taxAmount2": "9.975",
                        "compounded_tax": true}]}})
        );
    }

    #[tokio::test]
    async fn what_was_made_is_what_goes_out() {
        let answer = json!({"response": {"result": {"credit_note": row(7, 12, 0)}}});
        let server = Server::start([Reply::json(200, answer)]).await;
        let request = create(&draft());
        let note = server.books().send_credit_note(&request).await.unwrap();
        assert_eq!((note.id, note.amount.amount, note.paid.amount), (7, Decimal::new(2310, 2), Decimal::ZERO));
        let lines = note.object.lines.unwrap();
        assert_eq!((lines[0].name.as_str(), lines[0].amount.amount), ("Mug", Decimal::from(20)));
        let [seen] = &server.seen()[..] else { panic!("one call") };
        assert_eq!((seen.method.as_str(), &seen.body), ("POST", &request.body));
    }

    #[tokio::test]
    async fn only_the_clients_own_live_credit_notes_come_back() {
        let rows = [row(1, 12, 0), row(2, 13, 0), row(3, 12, 1), row(4, 12, 2)];
        let rows = json!({"response": {"result": {"credit_notes": rows, "page": 1, "pages": 1}}});
        let server = Server::start([Reply::json(200, rows)]).await;
        let found = server.books().credit_notes_of(12).await.unwrap();
        assert_eq!(found.iter().map(|note| note.id).collect::<Vec<_>>(), [1, 4]);
        let asked = &server.seen()[0].path;
        assert!(asked.contains("search%5Bclientid%5D=12&include%5B%5D=lines"), "{asked}");
    }

    #[tokio::test]
    async fn one_that_freshbooks_does_not_know_is_none() {
        let unknown = json!({"response": {"errors": [
            {"errno": 1012, "field": "creditid", "message": "Credit note not found."}]}});
        let answer = json!({"response": {"result": {"credit_note": row(7, 12, 1)}}});
        let server = Server::start([Reply::json(404, unknown), Reply::json(200, answer)]).await;
        assert!(server.books().credit_note(7).await.unwrap().is_none());
        assert_eq!(server.books().credit_note(7).await.unwrap().unwrap().vis_state, VisState::Deleted);
    }

    #[test]
    fn a_change_of_visibility_goes_alone() {
        let request = set_vis_state(7, VisState::Deleted);
        assert_eq!(
            (request.path.as_str(), request.body),
            ("credit_notes/credit_notes/7?include[]=lines", json!({"credit_note": {"vis_state": 1}}))
        );
    }
}

//! Invoices. FreshBooks computes totals itself; an invoice is a draft until it is marked sent.

use serde_json::{Map, Value, json};

use super::{
    Books, Error, Request, Told, filled,
    model::{Invoice, InvoiceDraft, VisState},
};

const PATH: &str = "invoices/invoices";

/// Without it an answer has no lines, not even to a request that wrote them.
const LINES: &str = "?include[]=lines";

/// Creates an invoice: as sent when `issued`, else as a draft. Whether FreshBooks honours the status in a create is not certain: an
/// answer whose `v3_status` is still `draft` calls for [`mark_sent`].
pub fn create(draft: &InvoiceDraft, issued: bool) -> Request {
    let mut fields = filled(draft);
    if issued {
        fields["status"] = json!(2);
    }
    Request::create(&format!("{PATH}{LINES}"), "invoice", fields)
}

/// Changes these fields, and no others. `lines` replaces the whole list: a line that is to stay needs its `lineid`.
pub fn update(id: i64, fields: &Map<String, Value>) -> Request {
    Request::update(PATH, id, LINES, "invoice", fields.clone().into())
}

/// Makes a draft count, without an e-mail. Alone in its request: FreshBooks drops whatever comes with an action.
pub fn mark_sent(id: i64) -> Request {
    Request::update(PATH, id, LINES, "invoice", json!({"action_mark_as_sent": true}))
}

/// Sends a draft to its client by e-mail; FreshBooks then really writes to them.
pub fn send_by_email(id: i64, recipient: &str) -> Request {
    Request::update(PATH, id, LINES, "invoice", json!({"action_email": true, "email_recipients": [recipient]}))
}

/// Deletes, archives or brings back. Payments stay, and the number stays taken.
pub fn set_vis_state(id: i64, state: VisState) -> Request {
    Request::update(PATH, id, LINES, "invoice", json!({ "vis_state": state }))
}

impl Books {
    /// Sends what a function of [`super::invoices`] made. After [`Error::Unknown`] look for the invoice by its number.
    ///
    /// # Errors
    /// As any write; a number that is taken is [`Error::Refused`] with a fault about `invoice_number`.
    pub async fn send_invoice(&self, request: &Request) -> Result<Told<Invoice>, Error> {
        self.write(request, "invoice").await
    }

    /// The invoice `id` with its lines, also when archived or deleted.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn invoice(&self, id: i64) -> Result<Option<Told<Invoice>>, Error> {
        self.find(&format!("{PATH}/{id}"), &[("include[]", "lines")], "invoice").await
    }

    /// Every invoice with exactly this number, with lines: active, archived and deleted (those hold their number too).
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn invoices_by_number(&self, number: &str) -> Result<Vec<Told<Invoice>>, Error> {
        let query = [("search[invoice_number]", number), ("include[]", "lines")];
        let mut rows: Vec<Told<Invoice>> = self.list(PATH, &query, "invoices").await?;
        let deleted = [&query[..], &[("search[vis_state]", "1")]].concat();
        for row in self.list::<Told<Invoice>>(PATH, &deleted, "invoices").await? {
            if rows.iter().all(|known| known.id != row.id) {
                rows.push(row);
            }
        }
        // Whether the search compares exactly is not known, and a key that FreshBooks does not know finds everything.
        rows.retain(|invoice| invoice.invoice_number == number);
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::{super::testing::*, *};
    use crate::freshbooks::{
        Cause, FreshBooks,
        model::{Amount, Line},
    };

    fn draft() -> InvoiceDraft {
        let line = |name: &str, qty, cents, tax: Option<Decimal>| Line {
            name: name.to_owned(),
            description: String::new(),
            qty,
            unit_cost: Amount { amount: Decimal::new(cents, 1), code: "CAD".into() },
            tax_name1: tax.map(|_| "HST".to_owned()),
            tax_amount1: tax,
            tax_name2: None,
            tax_amount2: None,
            compounded_tax: false,
        };
        InvoiceDraft {
            invoice_number: "S1001".into(),
            customerid: 12,
            create_date: "2026-11-20".parse().unwrap(),
            currency_code: "CAD".into(),
            po_number: String::new(),
            notes: "order 1001".into(),
            lines: vec![line("Mug", 2, 125, Some(Decimal::new(13_000, 3))), line("Rounding", 1, -1, None)],
        }
    }

    pub(super) fn invoice(id: i64, number: &str, vis_state: i64) -> Value {
        let money = |amount: &str| json!({"amount": amount, "code": "CAD"});
        json!({"id": id, "invoice_number": number, "customerid": 12, "currency_code": "CAD", "amount": money("28.15"),
            "outstanding": money("28.15"), "paid": money("0.00"), "po_number": null, "v3_status": "draft",
            "vis_state": vis_state, "status": 1, "lines": [{"lineid": 1, "amount": money("25.00")}]})
    }

    fn one(invoice: Value) -> Reply {
        Reply::json(200, json!({"response": {"result": {"invoice": invoice}}}))
    }

    fn list(rows: Value) -> Reply {
        Reply::json(200, json!({"response": {"result": {"invoices": rows, "page": 1, "pages": 1}}}))
    }

    #[test]
    fn a_create_is_shown_as_it_is_sent() {
        let request = create(&draft(), true);
        assert_eq!(request.path, "invoices/invoices?include[]=lines");
        assert_eq!(
            request.body,
            json!({"invoice": {"invoice_number": "S1001", "customerid": 12, "create_date": "2026-11-20",
                "currency_code": "CAD", "notes": "order 1001", "status": 2, "lines": [
                    {"name": "Mug", "description": "", "qty": "2", "unit_cost": {"amount": "12.50", "code": "CAD"},
                        "taxName1": "HST", "taxAmount1": "13"},
                    {"name": "Rounding", "description": "", "qty": "1", "unit_cost": {"amount": "-0.10", "code": "CAD"}}]}})
        );
        assert_eq!(create(&draft(), false).body["invoice"].get("status"), None);
    }

    #[tokio::test]
    async fn what_was_made_is_what_goes_out() {
        let server = Server::start([one(invoice(7, "S1001", 0))]).await;
        let request = create(&draft(), true);
        let answer = server.books().send_invoice(&request).await.unwrap();
        assert_eq!(
            (answer.id, answer.amount.amount, answer.object.lines.unwrap().len()),
            (7, Decimal::new(2815, 2), 1)
        );
        let [seen] = &server.seen()[..] else { panic!("one call") };
        assert_eq!((seen.method.as_str(), &seen.body), ("POST", &request.body));
        assert_eq!(seen.path, "/accounting/account/ZyX01a/invoices/invoices?include[]=lines");
        assert_eq!(seen.headers["authorization"], "Bearer secret");
    }

    #[tokio::test]
    async fn a_number_is_looked_for_among_the_deleted_as_well() {
        let server = Server::start([
            list(json!([invoice(1, "S1001", 0), invoice(2, "S10010", 2)])),
            list(json!([invoice(3, "S1001", 1), invoice(1, "S1001", 0)])),
        ])
        .await;
        let found = server.books().invoices_by_number("S1001").await.unwrap();
        let found: Vec<_> = found.into_iter().map(|invoice| (invoice.id, invoice.vis_state)).collect();
        assert_eq!(found, [(1, VisState::Active), (3, VisState::Deleted)]);
    }

    #[tokio::test]
    async fn a_write_is_never_repeated() {
        let replies =
            [Reply::status(502, "<html>"), Reply::status(200, "oops"), Reply::Silence, Reply::json(200, json!({}))];
        for reply in replies {
            let server = Server::start([reply]).await;
            assert!(matches!(server.books().send_invoice(&mark_sent(7)).await, Err(Error::Unknown(_))));
            assert_eq!(server.seen().len(), 1);
        }
        let nobody = FreshBooks::new(http(), "http://127.0.0.1:9", crate::pauses::Pauses::default())
            .account("ZyX01a", "secret".into());
        assert!(matches!(nobody.send_invoice(&mark_sent(7)).await, Err(Error::Unavailable(_))), "nothing was sent");
    }

    #[tokio::test]
    async fn strange_shapes_are_told_as_such() {
        for body in [
            "[]",
            "\"x\"",
            r#"{"response":"x"}"#,
            r#"{"response":{"result":[]}}"#,
            r#"{"response":{"result":{"invoice":7}}}"#,
        ] {
            let server =
                Server::start([Reply::status(200, body), Reply::status(200, body), Reply::status(200, body)]).await;
            assert!(matches!(server.books().invoice(7).await, Err(Error::Malformed(_))), "{body}");
            assert!(matches!(server.books().invoices_by_number("S1").await, Err(Error::Malformed(_))), "{body}");
            assert!(matches!(server.books().send_invoice(&mark_sent(7)).await, Err(Error::Unknown(_))), "{body}");
        }
    }

    #[tokio::test]
    async fn a_read_is_repeated_over_blips_and_gives_up_after_three() {
        let server = Server::start([Reply::status(500, ""), Reply::Silence, one(invoice(7, "S1", 1))]).await;
        assert_eq!(server.books().invoice(7).await.unwrap().unwrap().vis_state, VisState::Deleted);
        let server = Server::start([500, 502, 503].map(|status| Reply::status(status, ""))).await;
        assert!(matches!(server.books().invoice(7).await, Err(Error::Unavailable(Cause::Status(503)))));
        let server = Server::start([Reply::status(429, "")]).await;
        assert!(matches!(server.books().invoice(7).await, Err(Error::Throttled { wait: Some(_) })));
    }
}

//! Payments on invoices. Money beyond what is outstanding becomes a credit without a word: look before paying twice.

use serde_json::{Map, Value, json};

use super::{
    Books, Error, Request, Told, filled,
    model::{Payment, PaymentDraft, VisState},
};

const PATH: &str = "payments/payments";

/// Records a payment; no receipt is e-mailed.
pub fn create(draft: &PaymentDraft) -> Request {
    Request::create(PATH, "payment", filled(draft))
}

/// Changes these fields, and no others.
pub fn update(id: i64, fields: &Map<String, Value>) -> Request {
    Request::update(PATH, id, "", "payment", fields.clone().into())
}

/// Removes a payment, or brings it back: what its invoice still owes rises or falls accordingly.
pub fn set_vis_state(id: i64, state: VisState) -> Request {
    Request::update(PATH, id, "", "payment", json!({ "vis_state": state }))
}

impl Books {
    /// Sends what a function of [`super::payments`] made. After [`Error::Unknown`] look for the payment among its invoice's.
    ///
    /// # Errors
    /// As any write; see [`Error`].
    pub async fn send_payment(&self, request: &Request) -> Result<Told<Payment>, Error> {
        self.write(request, "payment").await
    }

    /// The payment `id`, also when deleted.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn payment(&self, id: i64) -> Result<Option<Told<Payment>>, Error> {
        self.find(&format!("{PATH}/{id}"), &[], "payment").await
    }

    /// The payments on an invoice, without deleted ones.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn payments_of(&self, invoice_id: i64) -> Result<Vec<Told<Payment>>, Error> {
        let id = invoice_id.to_string();
        let mut rows: Vec<Told<Payment>> = self.list(PATH, &[("search[invoiceid]", &id)], "payments").await?;
        rows.retain(|payment| payment.invoiceid == invoice_id && payment.vis_state != VisState::Deleted);
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::{super::testing::*, *};
    use crate::freshbooks::model::Amount;

    fn row(id: i64, invoice: i64) -> Value {
        json!({"id": id, "invoiceid": invoice, "amount": {"amount": "5.00", "code": "CAD"}, "note": "t 1", "vis_state": 0})
    }

    #[tokio::test]
    async fn only_the_invoices_own_payments_come_back() {
        let rows = json!({"response": {"result": {"payments": [row(1, 7), row(2, 8)], "page": 1, "pages": 1}}});
        let server = Server::start([Reply::json(200, rows)]).await;
        let found = server.books().payments_of(7).await.unwrap();
        assert_eq!(found.iter().map(|payment| payment.id).collect::<Vec<_>>(), [1]);
    }

    #[tokio::test]
    async fn a_deletion_is_a_change_of_visibility_and_says_so() {
        let mut gone = row(1, 7);
        gone["vis_state"] = json!(1);
        let server = Server::start([Reply::json(200, json!({"response": {"result": {"payment": gone}}}))]).await;
        assert_eq!(
            server.books().send_payment(&set_vis_state(1, VisState::Deleted)).await.unwrap().vis_state,
            VisState::Deleted
        );
        let [seen] = &server.seen()[..] else { panic!("one call") };
        assert_eq!((seen.method.as_str(), &seen.body), ("PUT", &json!({"payment": {"vis_state": 1}})));
    }

    #[test]
    fn a_payment_is_written_with_two_decimals() {
        let request = create(&PaymentDraft {
            invoiceid: 7,
            amount: Amount { amount: Decimal::from(41), code: "CAD".into() },
            date: "2026-11-20".parse().unwrap(),
            kind: "Credit Card".into(),
            note: "t 1".into(),
        });
        let fields = json!({"invoiceid": 7, "amount": {"amount": "41.00", "code": "CAD"}, "date": "2026-11-20",
            "type": "Credit Card", "note": "t 1"});
        assert_eq!(request.body, json!({"payment": fields}));
    }
}

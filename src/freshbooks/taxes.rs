//! The account's named taxes. Lines copy name and percent; a tax that exists here brings its registration number onto invoices.

use rust_decimal::Decimal;
use serde_json::json;

use super::{Books, Error, Request, model::Tax};

const PATH: &str = "taxes/taxes";

/// Creates a tax of so many percent (three decimals at most). Whether names are unique is not known: look first.
pub fn create(name: &str, percent: Decimal) -> Request {
    Request::create(PATH, "tax", json!({"name": name, "amount": percent.normalize().to_string()}))
}

impl Books {
    /// Sends what [`create`] made. After [`Error::Unknown`] look for the tax among all.
    ///
    /// # Errors
    /// As any write; see [`Error`].
    pub async fn send_tax(&self, request: &Request) -> Result<Tax, Error> {
        self.write(request, "tax").await
    }

    /// All taxes of the account.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn taxes(&self) -> Result<Vec<Tax>, Error> {
        self.list(PATH, &[], "taxes").await
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[tokio::test]
    async fn percentages_are_read_exactly() {
        let rows =
            json!([{"id": 1, "taxid": 1, "name": "QST", "amount": "9.975"}, {"id": 2, "name": null, "amount": null}]);
        let list = json!({"response": {"result": {"taxes": rows, "page": 1, "pages": 1}}});
        let server = Server::start([Reply::json(200, list)]).await;
        let taxes = server.books().taxes().await.unwrap();
        assert_eq!((taxes[0].amount, taxes[1].name.as_str()), (Some(Decimal::new(9975, 3)), ""));
        assert_eq!(create("HST", Decimal::new(1300, 2)).body, json!({"tax": {"name": "HST", "amount": "13"}}));
    }
}

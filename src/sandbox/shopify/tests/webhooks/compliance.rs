//! The topics of the law: they go where the app's own settings say, and nowhere else.

use serde_json::json;

use super::{Options, holding, told};
use crate::sandbox::shopify::build::{customer, order};

#[tokio::test]
async fn compliance_is_told_only_where_it_is_configured() {
    let orders =
        vec![order(1001).line("Mug", "12.00", 1).customer(customer(501, "Ada", "Sample", "ada@example.com")).placed()];
    let id = orders[0].id;
    let shop = holding(Options { orders, personal_data: false, ..Options::default() }, &["APP_UNINSTALLED"]).await;
    shop.redact_shop();
    shop.data_request(501, &[id]);
    assert_eq!(shop.take_deliveries(), []);

    shop.set_compliance_uri(Some("https://app.example.com/compliance"));
    let start = json!({ "shop_id": 70_000_000_001_u64, "shop_domain": shop.shop() });
    let ada = json!({ "id": 501, "email": "ada@example.com", "phone": null });
    shop.data_request(501, &[id]);
    let body = told(&shop);
    assert_eq!((&body["orders_requested"], &body["customer"]), (&json!([id]), &ada), "approved for their data or not");
    assert!(body["data_request"]["id"].is_u64());
    shop.redact_customer(501, &[id]);
    let body = told(&shop);
    assert_eq!((&body["orders_to_redact"], &body["customer"]), (&json!([id]), &ada));
    assert_eq!((&body["shop_id"], &body["shop_domain"]), (&start["shop_id"], &start["shop_domain"]));

    shop.uninstall();
    shop.take_deliveries();
    shop.redact_shop();
    let all = shop.take_deliveries();
    assert_eq!((all[0].json(), all[0].topic.as_str()), (start, "shop/redact"), "also after the end");
    assert_eq!(all[0].address, "https://app.example.com/compliance");
    assert_eq!(all[0].header("X-Shopify-API-Version"), Some("2026-10"));
    assert!(all[0].subscription.is_none());
}

//! Settings: shown whole, changed by admins only, told what is wrong field by field.

use serde_json::json;

use super::{Role, World};

const SETTINGS: &str = "{ connections { settings {
    filters { financialStatuses sources excludedSources tags excludedTags testOrders } startDate invoiceWhen issue invoiceNumber
    currency discounts marketplaceTax roundingCap cancelled refunds paymentTypes { gateway type } matching genericClient
    lockedThrough lateChanges } } }";

#[tokio::test]
async fn a_connection_tells_every_setting() {
    let world = World::start().await;
    world.connect("one").await;
    let token = world.token(Role::Viewer, None);
    let settings = world.data(&token, SETTINGS, json!({})).await["connections"][0]["settings"].clone();
    assert_eq!(
        settings,
        json!({
            "filters": { "financialStatuses": [], "sources": [], "excludedSources": [], "tags": [], "excludedTags": [],
                "testOrders": false },
            "startDate": null, "invoiceWhen": "CREATED", "issue": "SENT", "invoiceNumber": "{number}", "currency": "SHOP",
            "discounts": "OWN_LINE", "marketplaceTax": "NAMED", "roundingCap": null, "cancelled": "VOID", "refunds": "ADJUST",
            "paymentTypes": [
                { "gateway": "bank_deposit", "type": "Bank Transfer" }, { "gateway": "cash", "type": "Cash" },
                { "gateway": "paypal", "type": "PayPal" }, { "gateway": "shopify_payments", "type": "Credit Card" },
            ],
            "matching": "VERIFIED_EMAIL", "genericClient": "Shopify sales", "lockedThrough": null,
            "lateChanges": "OPEN_PERIOD",
        })
    );
}

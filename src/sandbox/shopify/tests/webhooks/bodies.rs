//! The bodies: REST's shapes.

use serde_json::{Value, json};

use super::{Options, holding, subscribe, told};
use crate::sandbox::shopify::{
    build::{address, customer, order, percent},
    currency::CurrencyCode,
    model::{CountryCode, Order},
    sample_store,
};

/// Every key that an order has, as the reference lists them.
const ORDER: &str = "id admin_graphql_api_id name number order_number confirmation_number token cart_token checkout_token app_id \
    source_name source_identifier source_url location_id user_id device_id created_at processed_at updated_at closed_at cancelled_at \
    cancel_reason financial_status fulfillment_status confirmed test tags note note_attributes po_number email contact_email phone customer \
    billing_address shipping_address company customer_locale buyer_accepts_marketing browser_ip client_details landing_site \
    referring_site currency presentment_currency taxes_included tax_exempt estimated_taxes duties_included total_line_items_price \
    total_line_items_price_set subtotal_price subtotal_price_set total_discounts total_discounts_set total_tax total_tax_set total_price \
    total_price_set total_outstanding total_tip_received total_weight current_subtotal_price current_subtotal_price_set \
    current_total_discounts current_total_discounts_set current_total_tax current_total_tax_set current_total_price \
    current_total_price_set total_shipping_price_set current_shipping_price_set current_total_duties_set original_total_duties_set \
    current_total_additional_fees_set original_total_additional_fees_set total_cash_rounding_payment_adjustment_set \
    total_cash_rounding_refund_adjustment_set line_items shipping_lines tax_lines discount_applications discount_codes refunds \
    fulfillments returns line_item_groups payment_gateway_names payment_terms merchant_business_entity_id merchant_of_record_app_id \
    order_status_url";
const LINE: &str = "id admin_graphql_api_id variant_id product_id title variant_title name sku vendor quantity current_quantity \
    fulfillable_quantity fulfillment_status fulfillment_service price price_set total_discount total_discount_set taxable gift_card \
    requires_shipping product_exists properties grams variant_inventory_management tax_lines discount_allocations duties attributed_staffs \
    sales_line_item_group_id selling_plan_id";

#[track_caller]
fn has_keys(body: &Value, keys: &str) {
    let missing: Vec<&str> = keys.split_whitespace().filter(|key| body.get(key).is_none()).collect();
    assert_eq!(missing, [""; 0]);
}

fn normal() -> Order {
    let home = address("Zoë", "Sample", "Toronto", "Ontario", "M5V 0A1", CountryCode::Ca);
    let mut ada = customer(501, "Zoë", "Sample", "zoe@example.com");
    ada.address = Some(home.into());
    order(1001)
        .at("2026-11-20T10:00:00Z")
        .line("Mug", "12.00", 2)
        .line("Plate", "8.00", 1)
        .discount_code("SAVE10", percent("10"))
        .shipping("Standard", "5.00")
        .tax("HST", "0.13")
        .customer(ada)
        .paid("shopify_payments")
}

#[tokio::test]
async fn an_order_comes_in_full() {
    let shop = holding(Options::default(), &["ORDERS_CREATE"]).await;
    shop.place(normal());
    let all = shop.take_deliveries();
    println!("{} bytes", all[0].body.len());
    assert!((6_000..16_000).contains(&all[0].body.len()), "{} bytes", all[0].body.len());
    let text = String::from_utf8(all[0].body.clone()).expect("UTF-8");
    assert!(text.contains(r"gid:\/\/shopify\/Order\/") && !text.contains("://"));
    let body = all[0].json();
    has_keys(&body, ORDER);
    has_keys(&body["line_items"][0], LINE);
    assert_eq!(body.get("transactions"), None, "they are not part of it");
    assert_eq!(body["id"].as_u64(), Some(shop.orders()[0].id));
    assert_eq!(body["created_at"], "2026-11-20T05:00:00-05:00", "in the shop's zone");
    assert_eq!((&body["financial_status"], &body["fulfillment_status"]), (&json!("paid"), &json!(null)));
    assert_eq!(
        (&body["subtotal_price"], &body["total_price"], &body["total_discounts"]),
        (&json!("28.80"), &json!("38.20"), &json!("3.20"))
    );
    assert_eq!(body["total_price_set"]["presentment_money"], json!({ "amount": "38.20", "currency_code": "CAD" }));
    assert_eq!(body["discount_codes"], json!([{ "code": "SAVE10", "amount": "3.20", "type": "percentage" }]));
    assert_eq!(body["discount_applications"][0]["value"], "10.0");
    assert_eq!(body["line_items"][0]["discount_allocations"][0]["amount"], "2.40");
    assert_eq!(body["tax_lines"][0]["rate"], json!(0.13));
    assert_eq!(body["customer"]["first_name"], "Zoë");
    assert_eq!(body["shipping_address"]["country_code"], "CA");
    assert_eq!(body["payment_gateway_names"], json!(["shopify_payments"]));
}

#[tokio::test]
async fn personal_data_is_null_without_the_approval() {
    let shop = holding(Options { personal_data: false, ..Options::default() }, &["ORDERS_CREATE"]).await;
    shop.place(normal());
    let body = told(&shop);
    has_keys(&body, ORDER);
    for path in [
        "/email",
        "/contact_email",
        "/phone",
        "/customer/email",
        "/customer/first_name",
        "/customer/last_name",
        "/billing_address/name",
        "/shipping_address/address1",
        "/shipping_address/zip",
        "/customer/default_address/last_name",
    ] {
        assert_eq!(body.pointer(path), Some(&json!(null)), "{path}");
    }
    assert_eq!((&body["shipping_address"]["city"], &body["customer"]["id"]), (&json!("Toronto"), &json!(501)));
}

#[tokio::test]
async fn only_the_named_fields_are_sent() {
    let shop = holding(Options::default(), &[]).await;
    let fields = json!(["id", "updated_at", "customer.id"]);
    subscribe(&shop, "ORDERS_CREATE", json!({ "uri": "https://app.example.com/", "includeFields": fields })).await;
    let placed = shop.place(normal());
    let body = told(&shop);
    assert_eq!(body["customer"], json!({ "id": 501 }));
    assert_eq!((body.as_object().map(serde_json::Map::len), &body["id"]), (Some(3), &json!(placed.id)));
}

#[tokio::test]
async fn a_payment_and_a_refund_in_another_currency() {
    let shop = holding(Options::default(), &["ORDER_TRANSACTIONS_CREATE", "REFUNDS_CREATE"]).await;
    let foreign = order(1).line("Book", "10.00", 2).tax("VAT", "0.20").sold_in(CurrencyCode::Usd, "1.5").paid("paypal");
    let placed = shop.place(foreign);
    let paid = told(&shop);
    assert_eq!((&paid["amount"], &paid["currency"], &paid["kind"]), (&json!("24.00"), &json!("USD"), &json!("sale")));
    assert_eq!(paid["total_unsettled_set"]["shop_money"], json!({ "amount": "0.00", "currency": "CAD" }));
    assert_eq!(paid["order_id"], json!(placed.id));

    shop.evolve(placed.id, |order| order.refund_units(0, 1));
    let all = shop.take_deliveries();
    let refund = all[1].json();
    assert_eq!(all[1].topic, "refunds/create");
    let line = &refund["refund_line_items"][0];
    assert_eq!((&line["subtotal"], &line["total_tax"]), (&json!(15.0), &json!(3.0)), "numbers, in shop currency");
    assert_eq!(line["subtotal_set"]["presentment_money"]["amount"], "10.00");
    has_keys(&line["line_item"], LINE);
    assert_eq!(refund["transactions"][0]["parent_id"], paid["id"]);
    let keys = "id admin_graphql_api_id order_id created_at processed_at note user_id restock return duties total_duties_set \
                additional_fees total_additional_fees_set order_adjustments refund_shipping_lines transactions refund_line_items";
    has_keys(&refund, keys);
}

#[tokio::test]
async fn yen_have_no_decimals() {
    let shop = holding(Options::default(), &["ORDERS_CREATE"]).await;
    shop.place(order(1).line("Tea", "1200", 1).sold_in(CurrencyCode::Jpy, "0.01").placed());
    let body = told(&shop);
    assert_eq!(body["total_price_set"]["presentment_money"]["amount"], "1200");
    assert_eq!(body["total_price"], "12.00");
}

#[tokio::test]
async fn an_order_of_every_kind_has_a_body() {
    let shop = holding(Options::default(), &["ORDERS_CREATE", "REFUNDS_CREATE", "ORDER_TRANSACTIONS_CREATE"]).await;
    for sample in sample_store(100) {
        let placed = shop.place(sample);
        for delivery in shop.take_deliveries() {
            let body = delivery.json();
            if delivery.topic == "orders/create" {
                has_keys(&body, ORDER);
                assert_eq!(body["refunds"].as_array().map(Vec::len), Some(placed.refunds.len()));
            } else {
                assert_eq!(body["order_id"], json!(placed.id));
            }
        }
    }
}

//! An order, in full.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Rest, amount, code, gid, in_shop, set, set_at_rate, snake, token};
use crate::sandbox::shopify::{
    currency::Minor,
    model::{
        Bag, DiscountSource, Order, OrderDisplayFinancialStatus as Financial,
        OrderDisplayFulfillmentStatus as Fulfilment, OrderTransactionKind, OrderTransactionStatus,
    },
};

impl Rest {
    /// The body of `orders/create` and most others of its kind.
    pub(in crate::sandbox::shopify::webhook) fn order(&self, order: &Order) -> Value {
        let mut body = Map::new();
        for part in [self.identity(order), self.state(order), self.buyer(order), money(order), self.lists(order)] {
            if let Value::Object(part) = part {
                body.extend(part);
            }
        }
        Value::Object(body)
    }

    fn identity(&self, order: &Order) -> Value {
        let some_time = |time: Option<DateTime<Utc>>| time.map(|time| self.time(time));
        json!({
            "id": order.id,
            "admin_graphql_api_id": gid("Order", order.id),
            "name": order.name,
            // They are counted from one, and named from a thousand and one.
            "number": if order.number > 1000 { order.number - 1000 } else { order.number },
            "order_number": order.number,
            "confirmation_number": format!("SIM{:06}", order.number),
            "token": token(order.id),
            "cart_token": Value::Null,
            "checkout_token": token(order.id + 1),
            "app_id": 580_111,
            "source_name": order.source_name,
            "source_identifier": Value::Null,
            "source_url": Value::Null,
            "location_id": Value::Null,
            "user_id": Value::Null,
            "device_id": Value::Null,
            "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
            "merchant_of_record_app_id": Value::Null,
            "order_status_url": format!(
                "https://{}/{}/orders/{}/authenticate?key={}",
                self.domain, self.facts.id, token(order.id), token(order.id + 2)
            ),
            "created_at": self.time(order.created_at),
            "processed_at": self.time(order.processed_at),
            "updated_at": self.time(order.updated_at),
            "closed_at": some_time(order.closed_at),
            "cancelled_at": some_time(order.cancelled_at),
            "cancel_reason": order.cancel_reason.map(snake),
        })
    }

    fn state(&self, order: &Order) -> Value {
        // The display has more words than this list.
        let financial =
            order.financial_status.map(|status| if status == Financial::Expired { Financial::Pending } else { status });
        let fulfilment = match order.fulfillment_status {
            Fulfilment::Fulfilled => Some("fulfilled"),
            Fulfilment::PartiallyFulfilled => Some("partial"),
            Fulfilment::Restocked => Some("restocked"),
            _ => None,
        };
        let notes = order.custom_attributes.iter();
        json!({
            "financial_status": financial.map(snake),
            "fulfillment_status": fulfilment,
            "confirmed": order.confirmed,
            "test": order.test,
            "tags": order.tags.join(", "),
            "note": order.note,
            "note_attributes": notes.map(|note| json!({ "name": note.key, "value": note.value })).collect::<Value>(),
            "po_number": order.po_number,
        })
    }

    fn buyer(&self, order: &Order) -> Value {
        let email = self.personal(&order.email);
        let client = email.map(|_| {
            json!({
                "accept_language": "en-CA",
                "browser_height": Value::Null,
                "browser_ip": "192.0.2.10",
                "browser_width": Value::Null,
                "session_hash": Value::Null,
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
            })
        });
        let company = order.company.as_ref();
        json!({
            "email": email,
            "contact_email": email,
            "phone": self.personal(&order.phone),
            "customer": order.customer.as_ref().map(|customer| self.customer(customer, false)),
            "billing_address": order.billing_address.as_ref().map(|address| self.address(address)),
            "shipping_address": order.shipping_address.as_ref().map(|address| self.address(address)),
            "company": company.map(|company| json!({ "id": company.id, "location_id": company.location_id })),
            "customer_locale": order.customer.as_ref().map(|customer| &customer.locale),
            "buyer_accepts_marketing": false,
            "browser_ip": client.as_ref().map(|client| &client["browser_ip"]),
            "client_details": client,
            "landing_site": "/",
            "landing_site_ref": Value::Null,
            "referring_site": "",
            "reference": Value::Null,
        })
    }

    fn lists(&self, order: &Order) -> Value {
        let sent = order.fulfillment_status == Fulfilment::Fulfilled;
        json!({
            "line_items": (0..order.lines.len()).map(|at| self.line(order, at)).collect::<Value>(),
            "shipping_lines": order.shipping.iter().map(|line| self.shipping(order, line)).collect::<Value>(),
            "tax_lines": order.tax_lines(false).iter().map(|tax| self.tax(order, tax)).collect::<Value>(),
            "discount_applications": order.discounts.iter().map(|found| self.discount(order, found)).collect::<Value>(),
            "discount_codes": codes(order),
            "refunds": order.refunds.iter().map(|refund| self.refund(order, refund)).collect::<Value>(),
            "fulfillments": sent.then(|| self.fulfilment(order)).into_iter().collect::<Value>(),
            "returns": [],
            "line_item_groups": [],
            "payment_gateway_names": gateways(order),
            "payment_terms": Value::Null,
        })
    }

    fn fulfilment(&self, order: &Order) -> Value {
        let id = order.id + 9;
        json!({
            "id": id,
            "admin_graphql_api_id": gid("Fulfillment", id),
            "created_at": self.time(order.updated_at),
            "updated_at": self.time(order.updated_at),
            "location_id": 655_441_491,
            "name": format!("{}.1", order.name),
            "order_id": order.id,
            "origin_address": {},
            "receipt": {},
            "service": "manual",
            "shipment_status": Value::Null,
            "status": "success",
            "tracking_company": Value::Null,
            "tracking_number": Value::Null,
            "tracking_numbers": [],
            "tracking_url": Value::Null,
            "tracking_urls": [],
            "line_items": (0..order.lines.len()).map(|at| self.line(order, at)).collect::<Value>(),
        })
    }
}

fn money(order: &Order) -> Value {
    let sums = &order.totals;
    let goods: Minor = order.lines.iter().filter(|line| !line.tip).map(|line| line.original_total()).sum();
    let some = |bag: Option<Bag>| bag.map(|bag| set(order, bag));
    let mut body = json!({
        "currency": code(order.currency),
        "presentment_currency": code(order.presentment),
        "taxes_included": order.taxes_included,
        "tax_exempt": order.tax_exempt,
        "estimated_taxes": order.estimated_taxes,
        "duties_included": order.duties_included,
        "total_outstanding": amount(order.currency, sums.total_outstanding.shop),
        "total_tip_received": amount(order.currency, sums.total_tip_received.shop),
        "total_weight": order.lines.iter().map(|line| line.quantity * 200).sum::<i64>(),
        "total_shipping_price_set": set(order, sums.total_shipping_price),
        "current_shipping_price_set": set(order, sums.current_shipping_price),
        "current_total_duties_set": some(sums.current_total_duties),
        "original_total_duties_set": some(sums.original_total_duties),
        "current_total_additional_fees_set": some(sums.current_total_additional_fees),
        "original_total_additional_fees_set": some(sums.original_total_additional_fees),
        "total_cash_rounding_payment_adjustment_set": set_at_rate(order, order.cash_rounding),
        "total_cash_rounding_refund_adjustment_set": set_at_rate(order, order.cash_rounding_refund),
    });
    let twice = [
        ("total_line_items_price", order.bag(goods)),
        ("subtotal_price", sums.subtotal_price),
        ("total_discounts", sums.total_discounts),
        ("total_tax", sums.total_tax),
        ("total_price", sums.total_price),
        ("current_subtotal_price", sums.current_subtotal_price),
        ("current_total_discounts", sums.current_total_discounts),
        ("current_total_tax", sums.current_total_tax),
        ("current_total_price", sums.current_total_price),
    ];
    for (name, bag) in twice {
        body[name] = amount(order.currency, bag.shop).into();
        body[format!("{name}_set")] = set(order, bag);
    }
    body
}

/// Each code once, with what it took off everywhere.
fn codes(order: &Order) -> Value {
    let lines = order.lines.iter().flat_map(|line| &line.allocations);
    let all = lines.chain(order.shipping.iter().flat_map(|line| &line.allocations));
    let worth = |at: usize| all.clone().filter(|share| share.discount == at).map(|share| share.amount).sum();
    let codes = order.discounts.iter().enumerate().filter_map(|(at, discount)| {
        let DiscountSource::Code(code) = &discount.source else { return None };
        Some(json!({ "code": code, "amount": in_shop(order, worth(at)), "type": super::line::code_type(discount) }))
    });
    codes.collect()
}

fn gateways(order: &Order) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for paid in &order.transactions {
        let counts = paid.kind != OrderTransactionKind::Refund && paid.status != OrderTransactionStatus::Failure;
        if counts && !names.contains(&paid.gateway.as_str()) {
            names.push(&paid.gateway);
        }
    }
    names
}

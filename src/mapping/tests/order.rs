//! Orders as the Admin API tells them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

/// One amount in both of the order's currencies.
pub(super) fn bag(amount: &str) -> Value {
    bags(amount, "CAD", amount, "CAD")
}

pub(super) fn bags(shop: &str, shop_code: &str, presentment: &str, presentment_code: &str) -> Value {
    json!({"shopMoney": {"amount": shop, "currencyCode": shop_code},
        "presentmentMoney": {"amount": presentment, "currencyCode": presentment_code}})
}

pub(super) fn tax(title: &str, rate: impl Into<Value>, amount: &str) -> Value {
    json!({"title": title, "rate": rate.into(), "channelLiable": null, "priceSet": bag(amount)})
}

/// Some of one thing at a price each; `total` is for all of them, before discounts.
pub(super) fn item(title: &str, unit: &str, quantity: i64, total: &str, taxes: &[Value]) -> Value {
    json!({"title": title, "variantTitle": null, "sku": null, "quantity": quantity, "currentQuantity": quantity,
        "isGiftCard": false, "originalUnitPriceSet": bag(unit), "originalTotalSet": bag(total), "discountAllocations": [],
        "taxLines": taxes})
}

pub(super) fn shipping(title: &str, price: &str, taxes: &[Value]) -> Value {
    json!({"id": "gid://shopify/ShippingLine/31", "title": title, "isRemoved": false, "originalPriceSet": bag(price),
        "discountedPriceSet": bag(price), "discountAllocations": [], "taxLines": taxes})
}

pub(super) fn duty(price: &str, taxes: &[Value]) -> Value {
    json!({"id": "gid://shopify/Duty/41", "price": bag(price), "taxLines": taxes})
}

pub(super) fn fee(name: &str, price: &str, taxes: &[Value]) -> Value {
    json!({"id": "gid://shopify/AdditionalFee/51", "name": name, "price": bag(price), "taxLines": taxes})
}

/// Money that moved: `payment(5, "SALE", "27.12")`, late on the 19th where the shop is.
pub(super) fn payment(number: i64, kind: &str, amount: &str) -> Value {
    json!({"id": format!("gid://shopify/OrderTransaction/{number}"), "kind": kind, "status": "SUCCESS",
        "gateway": "shopify_payments", "formattedGateway": null, "manualPaymentGateway": false, "test": false,
        "createdAt": "2026-11-20T03:30:00Z", "processedAt": null, "amountSet": bag(amount), "parentTransaction": null})
}

/// Units of the order's line at this position (from 1) that come back.
pub(super) fn back(line: i64, quantity: i64, subtotal: &str, tax: &str) -> Value {
    json!({"quantity": quantity, "subtotalSet": bag(subtotal), "totalTaxSet": bag(tax),
        "lineItem": {"id": format!("gid://shopify/LineItem/{line}")}})
}

/// A refund on the 21st; no money moves where `money` is empty. Its transaction has ten times its number.
pub(super) fn refund(number: i64, lines: &[Value], money: &str) -> Value {
    let money = if money.is_empty() { vec![] } else { vec![payment(number * 10, "REFUND", money)] };
    json!({"id": format!("gid://shopify/Refund/{number}"), "createdAt": null, "processedAt": "2026-11-21T15:00:00Z",
        "note": null, "totalRefundedSet": bag("0"), "duties": null, "refundLineItems": lines, "transactions": money})
}

/// An order over `total` with these lines, paid in full on the 19th where the shop is.
pub(super) fn order(total: &str, lines: &[Value]) -> Value {
    let number =
        |(index, line): (usize, &Value)| line.clone().set("/id", format!("gid://shopify/LineItem/{}", index + 1));
    let lines: Vec<Value> = lines.iter().enumerate().map(number).collect();
    let mut order = json!({"id": "gid://shopify/Order/7001", "name": "#1001", "number": 1001, "createdAt": "2026-11-20T03:30:00Z",
        "processedAt": "2026-11-20T03:30:00Z", "updatedAt": "2026-11-20T03:31:00Z", "test": false, "edited": false,
        "currencyCode": "CAD", "presentmentCurrencyCode": "CAD", "taxesIncluded": false, "taxExempt": false,
        "dutiesIncluded": false, "displayFinancialStatus": "PAID", "email": "ada@example.com", "refunds": [],
        "additionalFees": [], "shippingLines": {"nodes": []},
        "totalCashRoundingAdjustment": {"paymentSet": bag("0"), "refundSet": bag("0")},
        "transactions": [payment(5, "SALE", total)], "lineItems": {"nodes": lines},
        "discountApplications": {"nodes": [{"index": 0, "code": "SAVE10", "title": null},
            {"index": 1, "code": null, "title": "Summer"}]}});
    for sum in ["totalPriceSet", "currentTotalPriceSet", "totalReceivedSet", "netPaymentSet"] {
        order[sum] = bag(total);
    }
    for nothing in [
        "totalTaxSet",
        "currentTotalTaxSet",
        "totalTipReceivedSet",
        "totalRefundedSet",
        "totalOutstandingSet",
        "refundDiscrepancySet",
    ] {
        order[nothing] = bag("0");
    }
    order
}

/// Two mugs with HST: 24.00 + 3.12.
pub(super) fn mugs() -> Value {
    order("27.12", &[item("Mug", "12.00", 2, "24.00", &[tax("HST", 0.13, "3.12")])])
}

/// What happens to an order, or to a piece of it.
pub(super) trait Tell: Sized {
    /// Writes the field at this JSON pointer.
    #[must_use]
    fn set(self, path: &str, value: impl Into<Value>) -> Self;
    /// Takes a share of a discount off an item or a shipping line: 0 is the code, 1 the automatic one.
    #[must_use]
    fn off(self, amount: &str, discount: i64) -> Self;
    /// Adds shipping.
    #[must_use]
    fn shipped(self, line: Value) -> Self;
    /// Lists the money that moved, instead of one payment in full.
    #[must_use]
    fn paid(self, transactions: &[Value]) -> Self;
    /// Gives back: the units leave the order, the money moves. Shopify's figures are told by [`Tell::now`].
    #[must_use]
    fn refunded(self, refund: Value) -> Self;
    /// Shopify's present total.
    #[must_use]
    fn now(self, total: &str) -> Self;
    /// How many units of a line (from 1) are left.
    #[must_use]
    fn left(self, line: usize, quantity: i64) -> Self;
    /// Cancelled on the 22nd.
    #[must_use]
    fn cancelled(self) -> Self;
    /// Nothing was received.
    #[must_use]
    fn unpaid(self) -> Self;
    /// The same figures in another currency.
    #[must_use]
    fn in_currency(self, code: &str) -> Self;
    /// Sold in US dollars: the figures are the buyer's, and each of them converted and rounded by itself is the shop's.
    #[must_use]
    fn abroad(self, rate: &str) -> Self;
}

impl Tell for Value {
    fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let (parent, key) = path.rsplit_once('/').unwrap();
        match self.pointer_mut(parent) {
            Some(Value::Array(list)) => list[key.parse::<usize>().unwrap()] = value.into(),
            Some(object) => object[key] = value.into(),
            None => panic!("no {parent} in {self}"),
        }
        self
    }

    fn off(mut self, amount: &str, discount: i64) -> Self {
        let allocation = json!({"allocatedAmountSet": bag(amount), "discountApplication": {"index": discount}});
        self["discountAllocations"].as_array_mut().unwrap().push(allocation);
        self
    }

    fn shipped(mut self, line: Value) -> Self {
        self["shippingLines"]["nodes"].as_array_mut().unwrap().push(line);
        self
    }

    fn paid(self, transactions: &[Value]) -> Self {
        self.set("/transactions", transactions.to_vec())
    }

    fn refunded(mut self, refund: Value) -> Self {
        for line in refund["refundLineItems"].as_array().unwrap() {
            let item = |item: &&mut Value| item["id"] == line["lineItem"]["id"];
            let item = self["lineItems"]["nodes"].as_array_mut().unwrap().iter_mut().find(item).unwrap();
            let left = item["currentQuantity"].as_i64().unwrap() - line["quantity"].as_i64().unwrap();
            item["currentQuantity"] = left.into();
        }
        for money in refund["transactions"].as_array().unwrap() {
            let parent = self["transactions"][0]["id"].clone();
            let money = money.clone().set("/parentTransaction", json!({"id": parent}));
            self["transactions"].as_array_mut().unwrap().push(money);
        }
        self["refunds"].as_array_mut().unwrap().push(refund);
        self
    }

    fn now(self, total: &str) -> Self {
        self.set("/currentTotalPriceSet", bag(total))
    }

    fn left(self, line: usize, quantity: i64) -> Self {
        self.set(&format!("/lineItems/nodes/{}/currentQuantity", line - 1), quantity)
    }

    fn cancelled(self) -> Self {
        self.set("/cancelledAt", "2026-11-22T12:00:00Z").set("/cancelReason", "CUSTOMER")
    }

    fn unpaid(self) -> Self {
        self.paid(&[]).set("/totalReceivedSet", bag("0")).set("/displayFinancialStatus", "PENDING")
    }

    fn in_currency(mut self, code: &str) -> Self {
        each_bag(&mut self, &|amount| bags(amount, code, amount, code));
        self.set("/currencyCode", code).set("/presentmentCurrencyCode", code)
    }

    fn abroad(mut self, rate: &str) -> Self {
        let rate: Decimal = rate.parse().unwrap();
        let shop = |amount: &str| {
            Decimal::new(crate::money::half_up(amount.parse::<Decimal>().unwrap() * rate * Decimal::ONE_HUNDRED), 2)
        };
        each_bag(&mut self, &|amount| bags(&shop(amount).to_string(), "CAD", amount, "USD"));
        self.set("/presentmentCurrencyCode", "USD")
    }
}

/// Writes every money bag anew from what the buyer sees.
fn each_bag(value: &mut Value, anew: &impl Fn(&str) -> Value) {
    if let Some(amount) = value.pointer("/presentmentMoney/amount").and_then(Value::as_str) {
        *value = anew(amount);
        return;
    }
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| each_bag(value, anew)),
        Value::Object(fields) => fields.values_mut().for_each(|value| each_bag(value, anew)),
        _ => {}
    }
}

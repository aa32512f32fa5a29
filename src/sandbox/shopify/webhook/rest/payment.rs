//! Money that moved or failed, and what was given back.

use serde_json::{Value, json};

use super::{Rest, amount, code, gid, in_shop, number, set_at_rate, snake};
use crate::sandbox::shopify::model::{
    Bag, Order, OrderAdjustmentDiscrepancyReason, PaymentMeans, Refund, RefundLineItemRestockType, Transaction,
};

impl Rest {
    /// The body of `order_transactions/create`; its amount is in the currency of the payment.
    pub(in crate::sandbox::shopify::webhook) fn transaction(&self, order: &Order, paid: &Transaction) -> Value {
        let mut body = json!({
            "id": paid.id,
            "admin_graphql_api_id": gid("OrderTransaction", paid.id),
            "order_id": order.id,
            "parent_id": paid.parent,
            "kind": snake(paid.kind),
            "status": snake(paid.status),
            "gateway": paid.gateway,
            "amount": amount(order.presentment, paid.amount.presentment),
            "currency": code(order.presentment),
            "test": paid.test,
            "created_at": self.time(paid.created_at),
            "processed_at": paid.processed_at.map(|time| self.time(time)),
            "authorization": paid.payment_id,
            "payment_id": paid.payment_id,
            "message": paid.error.map(|error| snake(error).replace('_', " ")),
            "error_code": paid.error.map(snake),
            "source_name": order.source_name,
            "device_id": Value::Null,
            "location_id": Value::Null,
            "user_id": Value::Null,
            "receipt": {},
            "currency_exchange_adjustment": Value::Null,
            "total_unsettled_set": unsettled(order, paid.unsettled.unwrap_or_default()),
            "manual_payment_gateway": paid.manual,
            "amount_rounding": paid.rounding.map(|bag| amount(order.presentment, bag.presentment)),
        });
        if let Some(PaymentMeans::Card(company, number, wallet)) = &paid.details {
            body["payment_details"] = json!({
                "credit_card_bin": Value::Null,
                "avs_result_code": Value::Null,
                "cvv_result_code": Value::Null,
                "credit_card_number": number,
                "credit_card_company": company,
                "credit_card_name": Value::Null,
                "credit_card_wallet": wallet.map(snake),
                "credit_card_expiration_month": Value::Null,
                "credit_card_expiration_year": Value::Null,
                "payment_method_name": "card",
            });
        }
        body
    }

    /// The body of `refunds/create`, and of each refund inside its order.
    pub(in crate::sandbox::shopify::webhook) fn refund(&self, order: &Order, refund: &Refund) -> Value {
        let own = order.transactions.iter().filter(|paid| refund.transactions.contains(&paid.id));
        let restock = refund.lines.iter().any(|line| line.restock != RefundLineItemRestockType::NoRestock);
        let duties: i64 = refund.duties.iter().map(|(_, amount)| amount).sum();
        json!({
            "id": refund.id,
            "admin_graphql_api_id": gid("Refund", refund.id),
            "order_id": order.id,
            "created_at": refund.created_at.map(|time| self.time(time)),
            "processed_at": self.time(refund.processed_at),
            "note": refund.note,
            "user_id": Value::Null,
            "restock": restock,
            "return": Value::Null,
            "duties": refund.duties.iter().map(|(id, amount)| {
                json!({ "duty_id": id, "amount_set": set_at_rate(order, *amount) })
            }).collect::<Value>(),
            "total_duties_set": set_at_rate(order, duties),
            "additional_fees": [],
            "total_additional_fees_set": set_at_rate(order, 0),
            "order_adjustments": adjustments(order, refund),
            "refund_shipping_lines": self.given_back_shipping(order, refund),
            "refund_line_items": self.given_back(order, refund),
            "transactions": own.map(|paid| self.transaction(order, paid)).collect::<Value>(),
        })
    }

    fn given_back(&self, order: &Order, refund: &Refund) -> Value {
        let lines = refund.lines.iter().map(|line| {
            json!({
                "id": line.id,
                "quantity": line.quantity,
                "line_item_id": order.lines[line.line].id,
                "location_id": line.restocked.then_some(655_441_491),
                "restock_type": snake(line.restock),
                "subtotal": number(order, line.subtotal),
                "subtotal_set": set_at_rate(order, line.subtotal),
                "total_tax": number(order, line.tax),
                "total_tax_set": set_at_rate(order, line.tax),
                "line_item": self.line(order, line.line),
            })
        });
        lines.collect()
    }

    fn given_back_shipping(&self, order: &Order, refund: &Refund) -> Value {
        let lines = refund.shipping.iter().map(|line| {
            json!({
                "id": line.id,
                "subtotal_amount_set": set_at_rate(order, line.subtotal),
                "tax_amount_set": set_at_rate(order, line.tax),
                "shipping_line": self.shipping(order, &order.shipping[line.shipping]),
            })
        });
        lines.collect()
    }
}

/// Here the key is `currency`, not `currency_code`.
fn unsettled(order: &Order, bag: Bag) -> Value {
    json!({
        "presentment_money": {
            "amount": amount(order.presentment, bag.presentment),
            "currency": code(order.presentment),
        },
        "shop_money": { "amount": amount(order.currency, bag.shop), "currency": code(order.currency) },
    })
}

fn adjustments(order: &Order, refund: &Refund) -> Value {
    let all = refund.adjustments.iter().map(|line| {
        let reason = line.reason.map(|reason| match reason {
            OrderAdjustmentDiscrepancyReason::RefundDiscrepancy => "Refund discrepancy".to_owned(),
            OrderAdjustmentDiscrepancyReason::PendingRefundDiscrepancy => "Pending refund discrepancy".to_owned(),
            other => snake(other),
        });
        json!({
            "id": line.id,
            "order_id": order.id,
            "refund_id": refund.id,
            "amount": in_shop(order, line.amount),
            "amount_set": set_at_rate(order, line.amount),
            "tax_amount": in_shop(order, line.tax),
            "tax_amount_set": set_at_rate(order, line.tax),
            "kind": "refund_discrepancy",
            "reason": reason,
        })
    });
    all.collect()
}

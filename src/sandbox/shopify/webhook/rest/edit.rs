//! What an order edit changed: the one body about an order that does not contain it.

use serde_json::{Value, json};

use super::Rest;
use crate::sandbox::shopify::model::Order;

impl Rest {
    /// The body of `orders/edited`; none when the two differ in nothing that the editor changes.
    pub(in crate::sandbox::shopify::webhook) fn edit(&self, before: &Order, after: &Order) -> Option<Value> {
        let step = |id: Option<u64>, delta: i64| json!({ "id": id, "delta": delta });
        let sold = |id: u64| before.lines.iter().find(|line| line.id == id).map_or(0, |line| line.quantity);
        let grown = after.lines.iter().map(|line| (line.id, line.quantity - sold(line.id)));
        let additions: Vec<Value> =
            grown.filter(|(_, delta)| *delta > 0).map(|(id, delta)| step(Some(id), delta)).collect();
        let removals = after.refunds.iter().skip(before.refunds.len()).filter(|refund| refund.removal);
        let removals: Vec<Value> = removals
            .flat_map(|refund| &refund.lines)
            .map(|line| step(Some(after.lines[line.line].id), line.quantity))
            .collect();
        let granted = before.discounts.len();
        let discounts: Vec<Value> = after
            .lines
            .iter()
            .flat_map(|line| line.allocations.iter().map(move |share| (line.id, share.discount)))
            .filter(|(_, discount)| *discount >= granted)
            .map(|(id, _)| step(Some(id), 1))
            .collect();
        let kept = |at: usize| before.shipping.get(at).is_some_and(|line| !line.removed);
        let dropped = after.shipping.iter().enumerate().filter(|(at, line)| line.removed && kept(*at));
        let dropped: Vec<Value> = dropped.map(|(_, line)| step(line.id, 1)).collect();
        if !after.edited || [&additions, &removals, &discounts, &dropped].iter().all(|list| list.is_empty()) {
            return None;
        }
        Some(json!({
            "order_edit": {
                "id": after.updated_at.timestamp_millis(),
                "app_id": Value::Null,
                "order_id": after.id,
                "created_at": self.time(after.updated_at),
                "committed_at": self.time(after.updated_at),
                "notify_customer": false,
                "staff_note": "",
                "user_id": Value::Null,
                "line_items": { "additions": additions, "removals": removals },
                "discounts": { "line_item": { "additions": discounts, "removals": [] } },
                "shipping_lines": { "additions": [], "removals": dropped },
            },
        }))
    }
}

//! What was sold, and the taxes, duties and discounts on it.

use serde_json::{Value, json};

use super::{Rest, amount, code, gid, in_shop, set_at_rate, snake};
use crate::sandbox::shopify::{
    build::float,
    currency::Minor,
    model::{
        Allocation, Discount, DiscountApplicationTargetType, DiscountSource, DiscountValue, Duty, Order,
        OrderDisplayFulfillmentStatus, Shipping, TaxLine,
    },
};

impl Rest {
    /// The line at a position.
    pub(super) fn line(&self, order: &Order, at: usize) -> Value {
        let line = &order.lines[at];
        let sent = order.fulfillment_status == OrderDisplayFulfillmentStatus::Fulfilled;
        let left = line.quantity - line.gone;
        let properties = line.custom_attributes.iter();
        json!({
            "id": line.id,
            "admin_graphql_api_id": gid("LineItem", line.id),
            "variant_id": (!line.tip).then_some(line.id + 4_000_000_000),
            "product_id": (!line.tip).then_some(line.id + 5_000_000_000),
            "title": line.title,
            "variant_title": line.variant_title,
            "name": line.name(),
            "sku": line.sku,
            "vendor": line.vendor,
            "quantity": line.quantity,
            "current_quantity": left,
            "fulfillable_quantity": if sent { 0 } else { left },
            "fulfillment_status": sent.then_some("fulfilled"),
            "fulfillment_service": "manual",
            "price": in_shop(order, line.unit_price),
            "price_set": set_at_rate(order, line.unit_price),
            // Mostly nothing: what was taken off is in the allocations.
            "total_discount": in_shop(order, 0),
            "total_discount_set": set_at_rate(order, 0),
            "taxable": line.taxable,
            "gift_card": line.gift_card,
            "requires_shipping": line.requires_shipping,
            "product_exists": !line.tip,
            "properties": properties.map(|part| json!({ "name": part.key, "value": part.value })).collect::<Value>(),
            "grams": if line.requires_shipping { 200 } else { 0 },
            "variant_inventory_management": line.requires_shipping.then_some("shopify"),
            "tax_lines": line.taxes.iter().map(|tax| self.tax(order, tax)).collect::<Value>(),
            "discount_allocations": allocations(order, &line.allocations),
            "duties": line.duties.iter().map(|duty| self.duty(order, duty)).collect::<Value>(),
            "attributed_staffs": [],
            "sales_line_item_group_id": Value::Null,
            "selling_plan_id": Value::Null,
        })
    }

    /// Removed ones too, marked as such.
    pub(super) fn shipping(&self, order: &Order, line: &Shipping) -> Value {
        json!({
            "id": line.id,
            "title": line.title,
            "code": line.code,
            "source": line.source,
            "price": in_shop(order, line.price),
            "price_set": set_at_rate(order, line.price),
            "discounted_price": in_shop(order, line.discounted()),
            "discounted_price_set": set_at_rate(order, line.discounted()),
            "is_removed": line.removed,
            "phone": Value::Null,
            "carrier_identifier": Value::Null,
            "requested_fulfillment_service_id": Value::Null,
            "tax_lines": line.taxes.iter().map(|tax| self.tax(order, tax)).collect::<Value>(),
            "discount_allocations": allocations(order, &line.allocations),
        })
    }

    pub(super) fn tax(&self, order: &Order, tax: &TaxLine) -> Value {
        json!({
            "title": tax.title,
            "price": in_shop(order, tax.price),
            "price_set": set_at_rate(order, tax.price),
            "rate": tax.rate.map(float),
            "channel_liable": tax.channel_liable,
        })
    }

    /// Its position in the list is what allocations point to.
    pub(super) fn discount(&self, order: &Order, discount: &Discount) -> Value {
        let (value, value_type) = match discount.value {
            DiscountValue::Percent(percent) => (format!("{:.1}", percent), "percentage"),
            DiscountValue::Amount(minor) => (amount(order.presentment, minor), "fixed_amount"),
        };
        let mut body = json!({
            "target_type": snake(discount.target_type),
            "value": value,
            "value_type": value_type,
            "allocation_method": snake(discount.allocation_method),
            "target_selection": snake(discount.target_selection),
        });
        match &discount.source {
            DiscountSource::Code(code) => {
                body["type"] = "discount_code".into();
                body["code"] = code.as_str().into();
            }
            DiscountSource::Automatic(title) => {
                body["type"] = "automatic".into();
                body["title"] = title.as_str().into();
            }
            DiscountSource::Manual(title, description) => {
                body["type"] = "manual".into();
                body["title"] = title.as_str().into();
                body["description"] = description.as_deref().unwrap_or(title).into();
            }
            DiscountSource::Script(title) => {
                body["type"] = "script".into();
                body["title"] = title.as_str().into();
            }
        }
        body
    }

    pub(super) fn duty(&self, order: &Order, duty: &Duty) -> Value {
        json!({
            "id": duty.id,
            "harmonized_system_code": duty.harmonized_system_code,
            "country_code_of_origin": duty.country_of_origin.map(|country| format!("{country:?}").to_uppercase()),
            "shop_money": { "amount": in_shop(order, duty.price), "currency_code": code(order.currency) },
            "presentment_money": {
                "amount": amount(order.presentment, duty.price),
                "currency_code": code(order.presentment),
            },
            "tax_lines": duty.taxes.iter().map(|tax| self.tax(order, tax)).collect::<Value>(),
            "admin_graphql_api_id": gid("Duty", duty.id),
        })
    }
}

/// What kind of code it was.
pub(super) fn code_type(discount: &Discount) -> &'static str {
    match (discount.target_type, discount.value) {
        (DiscountApplicationTargetType::ShippingLine, _) => "shipping",
        (_, DiscountValue::Percent(_)) => "percentage",
        (_, DiscountValue::Amount(_)) => "fixed_amount",
    }
}

fn allocations(order: &Order, shares: &[Allocation]) -> Value {
    let share = |amount: Minor, index: usize| {
        json!({
            "amount": in_shop(order, amount),
            "amount_set": set_at_rate(order, amount),
            "discount_application_index": index,
        })
    };
    shares.iter().map(|part| share(part.amount, part.discount)).collect()
}

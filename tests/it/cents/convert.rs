//! The sandbox's order as the connector reads it, without GraphQL in between: field by field, so that a hundred thousand take seconds.
//! That both ways agree is a test of its own.

use std::iter;

use ml_connector::{
    money::Currency,
    sandbox::shopify::{
        currency::Minor,
        model::{self as theirs, Bag},
    },
    shopify::model::{
        AdditionalFee, Attribute, CashRounding, Company, CompanyLocation, CompanyTaxSettings, Customer,
        DiscountAllocation, DiscountApplication, DiscountIndex, Duty, EmailAddress, LineItem, MoneyBag, MoneyV2, Order,
        PhoneNumber, PurchasingEntity, Reference, Refund, RefundDuty, RefundLineItem, RefundShippingLine,
        RefundTransaction, ShippingLine, ShippingLineName, TaxLine, TaxSettings, Transaction,
    },
};

use super::names::{currency, gid, kind, shouted, status};

/// Reads `order`.
pub(super) fn convert(order: &theirs::Order) -> Order {
    let read = Reader { order, shop: currency(order.currency), buyer: currency(order.presentment) };
    let totals = &order.totals;
    Order {
        id: gid("Order", order.id),
        name: order.name.clone(),
        number: i64::from(order.number),
        created_at: order.created_at,
        processed_at: order.processed_at,
        updated_at: order.updated_at,
        cancelled_at: order.cancelled_at,
        cancel_reason: order.cancel_reason.map(shouted),
        test: order.test,
        edited: order.edited,
        source_name: order.source_name.clone(),
        po_number: order.po_number.clone(),
        note: order.note.clone(),
        tags: order.tags.clone(),
        custom_attributes: order.custom_attributes.iter().map(attribute).collect(),
        currency_code: read.shop,
        presentment_currency_code: read.buyer,
        taxes_included: order.taxes_included,
        tax_exempt: order.tax_exempt,
        duties_included: order.duties_included,
        display_financial_status: order.financial_status.map(shouted),
        display_fulfillment_status: Some(shouted(order.fulfillment_status)),
        email: order.email.clone(),
        phone: order.phone.clone(),
        customer: order.customer.as_deref().map(customer),
        purchasing_entity: purchaser(order),
        billing_address: None,
        shipping_address: None,
        total_price_set: read.bag(totals.total_price),
        current_total_price_set: read.bag(totals.current_total_price),
        total_tax_set: Some(read.bag(totals.total_tax)),
        current_total_tax_set: read.bag(totals.current_total_tax),
        total_tip_received_set: read.bag(totals.total_tip_received),
        total_received_set: read.bag(totals.total_received),
        total_refunded_set: read.bag(totals.total_refunded),
        net_payment_set: read.bag(totals.net_payment),
        total_outstanding_set: read.bag(totals.total_outstanding),
        refund_discrepancy_set: read.bag(totals.refund_discrepancy),
        total_cash_rounding_adjustment: CashRounding {
            payment_set: read.at_rate(order.cash_rounding),
            refund_set: read.at_rate(order.cash_rounding_refund),
        },
        tax_lines: read.taxes(&order.tax_lines(false)),
        additional_fees: order.fees.iter().map(|fee| read.fee(fee)).collect(),
        transactions: order.transactions.iter().map(|paid| read.transaction(paid)).collect(),
        refunds: order.refunds.iter().map(|refund| read.refund(refund)).collect(),
        line_items: order.lines.iter().map(|line| read.line(line)).collect(),
        shipping_lines: order.shipping.iter().map(|line| read.shipping(line)).collect(),
        discount_applications: iter::zip(0.., &order.discounts)
            .map(|(index, discount)| granted(index, discount))
            .collect(),
    }
}

struct Reader<'a> {
    order: &'a theirs::Order,
    shop: Currency,
    buyer: Currency,
}

impl Reader<'_> {
    fn bag(&self, bag: Bag) -> MoneyBag {
        let shop = self.order.currency.major(bag.shop);
        let buyer = self.order.presentment.major(bag.presentment);
        MoneyBag {
            shop_money: MoneyV2 { amount: shop, currency_code: self.shop },
            presentment_money: MoneyV2 { amount: buyer, currency_code: self.buyer },
        }
    }

    fn at_rate(&self, amount: Minor) -> MoneyBag {
        self.bag(self.order.bag(amount))
    }

    fn taxes(&self, taxes: &[theirs::TaxLine]) -> Vec<TaxLine> {
        let tax = |tax: &theirs::TaxLine| TaxLine {
            title: tax.title.clone(),
            rate: tax.rate,
            channel_liable: tax.channel_liable,
            price_set: self.at_rate(tax.price),
        };
        taxes.iter().map(tax).collect()
    }

    fn allocations(&self, shares: &[theirs::Allocation]) -> Vec<DiscountAllocation> {
        let share = |share: &theirs::Allocation| DiscountAllocation {
            allocated_amount_set: self.at_rate(share.amount),
            discount_application: DiscountIndex { index: i64::try_from(share.discount).unwrap() },
        };
        shares.iter().map(share).collect()
    }

    fn line(&self, line: &theirs::Line) -> LineItem {
        let duty = |duty: &theirs::Duty| Duty {
            id: gid("Duty", duty.id),
            price: self.at_rate(duty.price),
            tax_lines: self.taxes(&duty.taxes),
        };
        LineItem {
            id: gid("LineItem", line.id),
            title: line.title.clone(),
            variant_title: line.variant_title.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            current_quantity: line.quantity - line.gone,
            is_gift_card: line.gift_card,
            custom_attributes: line.custom_attributes.iter().map(attribute).collect(),
            original_unit_price_set: self.at_rate(line.unit_price),
            original_total_set: self.at_rate(line.original_total()),
            discount_allocations: self.allocations(&line.allocations),
            tax_lines: self.taxes(&line.taxes),
            duties: line.duties.iter().map(duty).collect(),
        }
    }

    fn shipping(&self, line: &theirs::Shipping) -> ShippingLine {
        ShippingLine {
            id: line.id.map(|id| gid("ShippingLine", id)),
            title: line.title.clone(),
            is_removed: line.removed,
            original_price_set: self.at_rate(line.price),
            discounted_price_set: self.at_rate(line.discounted()),
            discount_allocations: self.allocations(&line.allocations),
            tax_lines: self.taxes(&line.taxes),
        }
    }

    fn fee(&self, fee: &theirs::Fee) -> AdditionalFee {
        AdditionalFee {
            id: gid("AdditionalFee", fee.id),
            name: fee.name.clone(),
            price: self.at_rate(fee.price),
            tax_lines: self.taxes(&fee.taxes),
        }
    }

    fn transaction(&self, paid: &theirs::Transaction) -> Transaction {
        Transaction {
            id: gid("OrderTransaction", paid.id),
            kind: kind(paid.kind),
            status: status(paid.status),
            gateway: Some(paid.gateway.clone()),
            formatted_gateway: None,
            manual_payment_gateway: paid.manual,
            test: paid.test,
            created_at: paid.created_at,
            processed_at: paid.processed_at,
            amount_set: self.bag(paid.amount),
            parent_transaction: paid.parent.map(|id| Reference { id: gid("OrderTransaction", id) }),
        }
    }

    fn refund(&self, refund: &theirs::Refund) -> Refund {
        let duty = |(_, amount): &(u64, Minor)| RefundDuty { amount_set: self.at_rate(*amount) };
        let own = self.order.transactions.iter().filter(|paid| refund.transactions.contains(&paid.id));
        Refund {
            id: gid("Refund", refund.id),
            created_at: refund.created_at,
            processed_at: refund.processed_at,
            note: refund.note.clone(),
            total_refunded_set: self.bag(self.order.paid_back(refund)),
            duties: Some(refund.duties.iter().map(duty).collect()),
            refund_line_items: refund.lines.iter().map(|line| self.refund_line(line)).collect(),
            refund_shipping_lines: refund.shipping.iter().map(|line| self.refund_shipping(line)).collect(),
            transactions: own.map(|paid| self.refund_transaction(paid)).collect(),
        }
    }

    fn refund_line(&self, line: &theirs::RefundLine) -> RefundLineItem {
        RefundLineItem {
            quantity: line.quantity,
            subtotal_set: self.at_rate(line.subtotal),
            total_tax_set: self.at_rate(line.tax),
            line_item: Reference { id: gid("LineItem", self.order.lines[line.line].id) },
        }
    }

    fn refund_shipping(&self, line: &theirs::RefundShipping) -> RefundShippingLine {
        let of = &self.order.shipping[line.shipping];
        RefundShippingLine {
            subtotal_amount_set: self.at_rate(line.subtotal),
            tax_amount_set: self.at_rate(line.tax),
            shipping_line: Some(ShippingLineName {
                id: of.id.map(|id| gid("ShippingLine", id)),
                title: of.title.clone(),
            }),
        }
    }

    fn refund_transaction(&self, paid: &theirs::Transaction) -> RefundTransaction {
        RefundTransaction {
            id: gid("OrderTransaction", paid.id),
            kind: kind(paid.kind),
            status: status(paid.status),
            amount_set: self.bag(paid.amount),
        }
    }
}

fn attribute(attribute: &theirs::Attribute) -> Attribute {
    Attribute { key: attribute.key.clone(), value: attribute.value.clone() }
}

fn customer(customer: &theirs::Customer) -> Customer {
    Customer {
        id: gid("Customer", customer.id),
        first_name: customer.first_name.clone(),
        last_name: customer.last_name.clone(),
        locale: Some(customer.locale.clone()),
        updated_at: Some(customer.updated_at),
        verified_email: customer.verified_email,
        tax_settings: Some(TaxSettings { tax_id: customer.tax_id.clone() }),
        default_email_address: customer.email.clone().map(|email| EmailAddress { email_address: Some(email) }),
        default_phone_number: customer.phone.clone().map(|phone| PhoneNumber { phone_number: Some(phone) }),
    }
}

/// Of a person nothing is read as a purchaser.
fn purchaser(order: &theirs::Order) -> Option<PurchasingEntity> {
    let company = order.company.as_deref()?;
    let tax_settings = CompanyTaxSettings { tax_registration_id: company.tax_registration_id.clone() };
    Some(PurchasingEntity {
        company: Some(Company { id: gid("Company", company.id), name: company.name.clone() }),
        location: Some(CompanyLocation {
            id: gid("CompanyLocation", company.location_id),
            name: company.location.clone(),
            tax_settings: Some(tax_settings),
        }),
    })
}

fn granted(index: i64, discount: &theirs::Discount) -> DiscountApplication {
    use theirs::DiscountSource::{Automatic, Code, Manual, Script};
    let (code, title) = match &discount.source {
        Code(code) => (Some(code.clone()), None),
        Automatic(title) | Manual(title, _) | Script(title) => (None, Some(title.clone())),
    };
    DiscountApplication { index, code, title }
}

#[tokio::test]
async fn the_short_way_reads_what_the_connector_reads() {
    use crate::harness::{SHOP, SHOPIFY_TOKEN, TestApp, World};

    let mut world = World::default();
    (world.shopify.bucket, world.shopify.restore_rate) = (100_000, 100_000);
    let app = TestApp::in_world(world).await;
    let shop = app.app.shopify.shop(SHOP, SHOPIFY_TOKEN.into());
    for seed in 0..150 {
        let order = super::case::Case::new(seed, super::dice::Features::default()).order;
        let placed = app.shopify.place(order);
        let [Some(read)] = &mut shop.orders(&[gid("Order", placed.id)]).await.unwrap()[..] else { panic!("{seed}") };
        // The books show the gateway's name as it is.
        read.transactions.iter_mut().for_each(|paid| paid.formatted_gateway = None);
        assert_eq!(*read, convert(&placed), "case {seed}");
    }
    app.database.remove().await;
}

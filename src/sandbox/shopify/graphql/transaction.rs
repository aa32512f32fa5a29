//! Transactions, what they were paid with, and what Shopify Payments kept of them.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject, Union};

use super::{
    order::OrderObject,
    scalar::{DecimalText, Instant, MoneyBag, MoneyV2, gid, rate_text},
};
use crate::sandbox::shopify::{
    currency::CurrencyCode,
    model::{
        DigitalWallet, Order, OrderTransactionErrorCode, OrderTransactionKind, OrderTransactionStatus, PaymentMeans,
        Transaction, TransactionFee,
    },
};

/// The transaction at a position of an order.
#[derive(Clone, Debug)]
pub(super) struct TransactionObject {
    pub(super) order: Arc<Order>,
    pub(super) at: usize,
}

impl TransactionObject {
    pub(super) fn all(order: &Arc<Order>) -> Vec<TransactionObject> {
        (0..order.transactions.len()).map(|at| TransactionObject { order: Arc::clone(order), at }).collect()
    }

    pub(super) fn get(&self) -> &Transaction {
        &self.order.transactions[self.at]
    }

    fn shopify_payments(&self) -> bool {
        self.get().gateway == "shopify_payments"
    }
}

#[Object(name = "OrderTransaction")]
impl TransactionObject {
    pub(super) async fn id(&self) -> ID {
        gid("OrderTransaction", self.get().id)
    }

    async fn kind(&self) -> OrderTransactionKind {
        self.get().kind
    }

    async fn status(&self) -> OrderTransactionStatus {
        self.get().status
    }

    async fn gateway(&self) -> Option<&str> {
        Some(&self.get().gateway)
    }

    async fn formatted_gateway(&self) -> Option<String> {
        let words = self.get().gateway.split('_').map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        });
        Some(words.collect::<Vec<_>>().join(" "))
    }

    async fn manual_payment_gateway(&self) -> bool {
        self.get().manual
    }

    async fn test(&self) -> bool {
        self.get().test
    }

    async fn created_at(&self) -> Instant {
        Instant(self.get().created_at)
    }

    async fn processed_at(&self) -> Option<Instant> {
        self.get().processed_at.map(Instant)
    }

    async fn error_code(&self) -> Option<OrderTransactionErrorCode> {
        self.get().error
    }

    async fn payment_id(&self) -> Option<&str> {
        self.get().payment_id.as_deref()
    }

    async fn amount_set(&self) -> MoneyBag {
        MoneyBag::new(&self.order, self.get().amount)
    }

    async fn amount_rounding_set(&self) -> Option<MoneyBag> {
        self.get().rounding.map(|bag| MoneyBag::new(&self.order, bag))
    }

    async fn total_unsettled_set(&self) -> Option<MoneyBag> {
        Some(MoneyBag::new(&self.order, self.get().unsettled.unwrap_or_default()))
    }

    async fn settlement_currency(&self) -> Option<CurrencyCode> {
        self.shopify_payments().then_some(self.order.currency)
    }

    async fn settlement_currency_rate(&self) -> Option<DecimalText> {
        let amount = self.get().amount;
        let presented = self.order.presentment.major(amount.presentment);
        let settled = self.order.currency.major(amount.shop);
        (self.shopify_payments() && !presented.is_zero()).then(|| rate_text((settled / presented).round_dp(6)))
    }

    async fn parent_transaction(&self) -> Option<TransactionObject> {
        let parent = self.get().parent?;
        let at = self.order.transactions.iter().position(|paid| paid.id == parent)?;
        Some(TransactionObject { order: Arc::clone(&self.order), at })
    }

    async fn order(&self) -> Option<OrderObject> {
        Some(OrderObject(Arc::clone(&self.order)))
    }

    async fn fees(&self) -> Vec<FeeOfTransaction> {
        let currency = self.order.currency;
        self.get().fees.iter().map(|fee| FeeOfTransaction { fee: fee.clone(), currency }).collect()
    }

    async fn payment_details(&self) -> Option<PaymentDetails> {
        Some(match self.get().details.clone()? {
            PaymentMeans::Card(company, number, wallet) => PaymentDetails::Card(CardPaymentDetails {
                company: Some(company),
                number: Some(number),
                wallet,
                payment_method_name: Some("card".to_owned()),
                name: None,
            }),
            PaymentMeans::Local(name) => PaymentDetails::Local(LocalPaymentMethodsPaymentDetails {
                payment_descriptor: None,
                payment_method_name: Some(name),
            }),
            PaymentMeans::Instalments => PaymentDetails::Instalments(ShopPayInstallmentsPaymentDetails {
                payment_method_name: Some("shop_pay_installments".to_owned()),
            }),
            PaymentMeans::Paypal => {
                PaymentDetails::Paypal(PaypalWalletPaymentDetails { payment_method_name: Some("paypal".to_owned()) })
            }
        })
    }
}

/// What was paid with.
#[derive(Union, Clone, Debug)]
pub(super) enum PaymentDetails {
    Card(CardPaymentDetails),
    Local(LocalPaymentMethodsPaymentDetails),
    Paypal(PaypalWalletPaymentDetails),
    Instalments(ShopPayInstallmentsPaymentDetails),
}

/// A card.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct CardPaymentDetails {
    company: Option<String>,
    name: Option<String>,
    number: Option<String>,
    payment_method_name: Option<String>,
    wallet: Option<DigitalWallet>,
}

/// A method of one country.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct LocalPaymentMethodsPaymentDetails {
    payment_descriptor: Option<String>,
    payment_method_name: Option<String>,
}

/// Instalments.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct ShopPayInstallmentsPaymentDetails {
    payment_method_name: Option<String>,
}

/// PayPal.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct PaypalWalletPaymentDetails {
    payment_method_name: Option<String>,
}

/// What Shopify Payments kept.
pub(super) struct FeeOfTransaction {
    fee: TransactionFee,
    currency: CurrencyCode,
}

#[Object(name = "TransactionFee")]
impl FeeOfTransaction {
    pub(super) async fn id(&self) -> ID {
        gid("TransactionFee", self.fee.id)
    }

    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        "processing_fee"
    }

    async fn amount(&self) -> MoneyV2 {
        MoneyV2::new(self.currency, self.fee.amount)
    }

    async fn tax_amount(&self) -> MoneyV2 {
        MoneyV2::new(self.currency, 0)
    }

    async fn flat_fee(&self) -> MoneyV2 {
        MoneyV2::new(self.currency, self.fee.flat)
    }

    async fn flat_fee_name(&self) -> Option<&str> {
        None
    }

    async fn rate(&self) -> DecimalText {
        rate_text(self.fee.rate)
    }

    async fn rate_name(&self) -> Option<&str> {
        Some("card")
    }
}

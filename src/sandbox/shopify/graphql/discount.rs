//! Discounts: what was granted, and each line's share of it.

use std::sync::Arc;

use async_graphql::{Interface, Object, SimpleObject, Union};

use super::scalar::{MoneyBag, MoneyV2};
use crate::sandbox::shopify::{
    build::float,
    model::{
        Allocation, Discount, DiscountApplicationAllocationMethod, DiscountApplicationTargetSelection,
        DiscountApplicationTargetType, DiscountSource, DiscountValue, Order,
    },
};

/// A discount of any source.
#[derive(Interface, Clone, Debug)]
#[graphql(
    field(name = "allocation_method", ty = "DiscountApplicationAllocationMethod"),
    field(name = "index", ty = "i32"),
    field(name = "target_selection", ty = "DiscountApplicationTargetSelection"),
    field(name = "target_type", ty = "DiscountApplicationTargetType"),
    field(name = "value", ty = "PricingValue")
)]
pub(super) enum DiscountApplication {
    Code(DiscountCodeApplication),
    Automatic(AutomaticDiscountApplication),
    Manual(ManualDiscountApplication),
    Script(ScriptDiscountApplication),
}

/// How much a discount is worth.
#[derive(Union, Clone, Debug)]
pub(super) enum PricingValue {
    Money(MoneyV2),
    Percentage(PricingPercentageValue),
}

/// A share of the price.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct PricingPercentageValue {
    percentage: f64,
}

/// What all discounts have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    index: i32,
    discount: Discount,
    value: PricingValue,
}

macro_rules! application {
    ($name:ident { $($extra:tt)* }) => {
        /// A discount of one source.
        #[derive(Clone, Debug)]
        pub(super) struct $name(Common);

        #[Object]
        impl $name {
            async fn allocation_method(&self) -> DiscountApplicationAllocationMethod {
                self.0.discount.allocation_method
            }

            async fn index(&self) -> i32 {
                self.0.index
            }

            async fn target_selection(&self) -> DiscountApplicationTargetSelection {
                self.0.discount.target_selection
            }

            async fn target_type(&self) -> DiscountApplicationTargetType {
                self.0.discount.target_type
            }

            async fn value(&self) -> PricingValue {
                self.0.value.clone()
            }

            $($extra)*
        }
    };
}

application!(DiscountCodeApplication {
    async fn code(&self) -> &str {
        self.0.discount.source.title()
    }
});
application!(AutomaticDiscountApplication {
    async fn title(&self) -> &str {
        self.0.discount.source.title()
    }
});
application!(ManualDiscountApplication {
    async fn title(&self) -> &str {
        self.0.discount.source.title()
    }

    async fn description(&self) -> Option<&str> {
        match &self.0.discount.source {
            DiscountSource::Manual(_, description) => description.as_deref(),
            _ => None,
        }
    }
});
application!(ScriptDiscountApplication {
    async fn title(&self) -> &str {
        self.0.discount.source.title()
    }
});

impl DiscountSource {
    fn title(&self) -> &str {
        match self {
            Self::Code(title) | Self::Automatic(title) | Self::Manual(title, _) | Self::Script(title) => title,
        }
    }
}

impl DiscountApplication {
    /// The discount at this position; none when an allocation points nowhere.
    pub(super) fn of(order: &Order, at: usize) -> Option<DiscountApplication> {
        let discount = order.discounts.get(at)?.clone();
        let value = match discount.value {
            DiscountValue::Percent(percent) => {
                PricingValue::Percentage(PricingPercentageValue { percentage: float(percent) })
            }
            DiscountValue::Amount(amount) => PricingValue::Money(MoneyV2::new(order.presentment, amount)),
        };
        let common = Common { index: i32::try_from(at).unwrap_or_default(), value, discount };
        Some(match common.discount.source {
            DiscountSource::Code(_) => Self::Code(DiscountCodeApplication(common)),
            DiscountSource::Automatic(_) => Self::Automatic(AutomaticDiscountApplication(common)),
            DiscountSource::Manual(..) => Self::Manual(ManualDiscountApplication(common)),
            DiscountSource::Script(_) => Self::Script(ScriptDiscountApplication(common)),
        })
    }

    pub(super) fn all(order: &Order) -> Vec<DiscountApplication> {
        (0..order.discounts.len()).filter_map(|at| Self::of(order, at)).collect()
    }

    pub(super) fn position(&self) -> u64 {
        let (Self::Code(DiscountCodeApplication(common))
        | Self::Automatic(AutomaticDiscountApplication(common))
        | Self::Manual(ManualDiscountApplication(common))
        | Self::Script(ScriptDiscountApplication(common))) = self;
        u64::try_from(common.index).unwrap_or_default()
    }
}

/// A line's share of a discount.
#[derive(Clone, Debug)]
pub(super) struct DiscountAllocation {
    order: Arc<Order>,
    share: Allocation,
}

#[Object]
impl DiscountAllocation {
    async fn allocated_amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.share.amount)
    }

    async fn discount_application(&self) -> async_graphql::Result<DiscountApplication> {
        DiscountApplication::of(&self.order, self.share.discount).ok_or_else(|| "no such discount".into())
    }
}

impl DiscountAllocation {
    pub(super) fn all(order: &Arc<Order>, shares: &[Allocation]) -> Vec<DiscountAllocation> {
        shares.iter().map(|share| DiscountAllocation { order: Arc::clone(order), share: *share }).collect()
    }
}

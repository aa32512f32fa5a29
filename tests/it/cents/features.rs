//! What can be special about an order, and how often it is: the mixture of the property tests, in one table.

/// Features with their chance in ten thousand. Where one of several is picked, the chances are weights.
macro_rules! features {
    ($($name:ident $chance:literal $words:literal,)*) => {
        /// One of the things that can be special about a case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Feature { $($name),* }

        impl Feature {
            pub(super) const ALL: &[Feature] = &[$(Feature::$name),*];

            /// In ten thousand, or a weight among others.
            pub(super) fn chance(self) -> u64 {
                match self { $(Feature::$name => $chance),* }
            }

            pub(super) fn words(self) -> &'static str {
                match self { $(Feature::$name => $words),* }
            }
        }
    };
}

features! {
    // whose money
    ShopWithoutDecimals 500 "shop currency without decimals",
    ShopThreeDecimals 150 "shop currency with three decimals",
    Foreign 1_500 "sold in another currency",
    BuyerWithoutDecimals 1_500 "buyer's currency without decimals",
    BuyerThreeDecimals 500 "buyer's currency with three decimals",
    OtherDaysRate 7_000 "payment at another day's rate",
    // what is sold
    ManyLines 4 "250 lines and more",
    ManyUnits 300 "dozens of units",
    OddPrice 3_000 "odd price",
    FreeLine 150 "free line",
    GiftCardSold 150 "gift card sold",
    Untaxed 300 "untaxed line",
    Duty 250 "duty",
    DutyTax 2_500 "tax on a duty",
    DutiesIncluded 1_000 "duties inside the subtotal",
    Fee 300 "additional fee",
    FeeTax 4_000 "tax on a fee",
    Tip 250 "tip with a line",
    TipWithoutLine 150 "tip without a line",
    OtherScript 200 "title in another script",
    // shipping
    Shipping 6_500 "shipping",
    SecondShipping 150 "two shipping lines",
    FreeShipping 400 "free shipping line",
    ShippingUntaxed 1_500 "shipping untaxed",
    // taxes
    NoTaxes 1_200 "no taxes",
    Quebec 1_500 "GST and QST 9.975 %",
    ThreeTaxes 800 "three taxes",
    FourTaxes 400 "four taxes",
    FiveTaxes 200 "five taxes",
    FineRate 700 "rate finer than FreshBooks keeps",
    OneTax 4_000 "one tax",
    TwoTaxes 1_200 "two taxes",
    LineTax 300 "tax of the line's own",
    SameTitle 100 "two taxes of one title on a line",
    BlankTitle 30 "tax without a title",
    UnknownRate 60 "tax without a rate",
    ZeroRate 150 "tax of nought per cent",
    Inclusive 2_500 "prices with tax inside",
    Marketplace 300 "marketplace liable for the taxes",
    TaxExempt 200 "tax exempt",
    OrderTaxOnly 150 "tax on the order alone",
    // discounts
    PercentCode 1_200 "code, percent",
    AmountCode 700 "code, amount",
    Automatic 400 "automatic discount",
    LineDiscount 500 "discount on a line",
    ShippingDiscount 400 "discount on shipping",
    AllOff 60 "everything off",
    // money in
    PaidAtOnce 5_600 "paid at once",
    GiftCardAndCard 500 "gift card and card",
    StoreCreditAndCard 250 "store credit and card",
    ThreePayments 150 "three payments",
    PartlyPaid 400 "paid in part",
    Promised 400 "payment pending",
    PromisedThenPaid 300 "pending, then paid",
    Declined 100 "declined",
    DeclinedThenPaid 300 "declined, then paid",
    Authorized 300 "authorized",
    Captured 500 "captured",
    CapturedInPart 150 "captured in part",
    EditedThenCaptured 120 "authorized, edited, captured",
    AuthorizationVoided 100 "authorization voided",
    Unpaid 300 "nobody tried to pay",
    Cash 250 "cash, rounded",
    CashWithChange 150 "cash with change",
    TestTransaction 60 "transaction in test mode",
    TestOrder 50 "test order",
    // what happens later
    EditedBeforePayment 300 "edited before payment",
    Eventful 3_500 "something happens afterwards",
    RefundUnits 1_500 "units refunded",
    RefundSeveral 500 "units of several lines refunded",
    RefundUnitsAndShipping 400 "units and shipping refunded",
    RefundShipping 400 "shipping refunded",
    RefundAmount 600 "amount refunded",
    RefundOtherAmount 400 "units refunded, other amount",
    RefundPending 300 "refund pending",
    RefundArrived 300 "refund pending, then arrived",
    RefundFailed 250 "refund failed",
    RefundTwoGateways 200 "refund to two gateways",
    RefundWithoutMoney 200 "goods back without money",
    RefundInCash 150 "refund in cash, rounded",
    RefundAll 700 "everything refunded",
    EditRemoves 700 "edit removes units",
    EditAdds 400 "edit adds a line",
    EditDiscounts 400 "edit grants a discount",
    EditRemovesShipping 200 "edit removes shipping",
    Recalculated 250 "taxes recalculated",
    Exchange 300 "exchange",
    Cancelled 500 "cancelled",
    CancelledKeepingMoney 150 "cancelled, money kept",
    OverpaymentRefunded 8_000 "overpayment refunded",
    RestPaid 6_000 "rest paid",
    EditedThenRefunded 0 "edited, then refunded",
    RefundedThenEdited 0 "refunded, then edited",
    // how it is booked
    Presentment 3_000 "documents in the buyer's currency",
    Folded 3_000 "discounts folded into the price",
    StrictCap 300 "a rounding cap of the accountant's",
    MarketplaceOwnLine 3_000 "marketplace taxes as lines",
    LongNumber 10 "invoice number too long",
    LateStart 10 "before the start date",
    SeenBefore 2_500 "booked at an earlier state",
    Kept 2_500 "books kept write by write",
}

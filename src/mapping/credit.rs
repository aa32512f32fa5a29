//! Refunds as credit notes: goodwill of the client, positive, while invoice and payment stay as they are.

use crate::{
    freshbooks::model::CreditNoteDraft,
    mapping::{
        Cents, Refusal, Shop,
        document::{self, Style},
        invoice,
        part::{Parts, View, short},
        refund::Refunded,
        settings::Refunds,
    },
};

/// A credit note as it should be. `draft.clientid` is 0 until the client is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCredit {
    /// Shopify's number of the refund.
    pub refund: i64,
    /// What FreshBooks is sent.
    pub draft: CreditNoteDraft,
    /// Where each field comes from: (FreshBooks field, Shopify field).
    pub sources: Vec<(String, String)>,
    /// Its date is locked: while its total is right, nothing about it is changed.
    pub frozen: bool,
    /// The money that was refunded, and so its total; hundredths.
    pub total: Cents,
}

/// Whether a credit note with these notes is the one we made for this refund.
pub fn is_ours(notes: &str, refund: i64) -> bool {
    notes.starts_with(&format!("Shopify refund {refund} "))
}

/// Whether a credit note with these notes was made for another refund.
pub fn is_anothers(notes: &str, refund: i64) -> bool {
    !is_ours(notes, refund) && super::names_a_number(notes, "Shopify refund ")
}

pub(super) fn wanted(
    view: View<'_>,
    parts: &Parts,
    shop: &Shop,
    style: Style<'_>,
) -> Result<Vec<WantedCredit>, Refusal> {
    let credited = parts.refunds.iter().filter(|refund| refund.policy == Refunds::CreditNote && refund.given != 0);
    credited.map(|refund| of_refund(view, refund, shop, style)).collect()
}

fn of_refund(view: View<'_>, refund: &Refunded, shop: &Shop, style: Style<'_>) -> Result<WantedCredit, Refusal> {
    let (order, number) = (view.order, refund.number);
    let original = &order.refunds[refund.index];
    let total = refund.given;
    let booked = view.booked.credited.get(&number).copied().unwrap_or_default();
    let goods = refund.credited(short(&original.id.0));
    let lines = document::to_the_cent(&goods, total, booked.unexplained, style)?.lines;
    let own = invoice::day(original.processed_at, shop.time_zone);
    let create_date = view.settings.date(own, booked.dated);
    let mut notes = format!(
        "Shopify refund {number} of order {} (id {}), invoice {}",
        order.name,
        order.number_of_id(),
        invoice::number(view)
    );
    if create_date != own {
        notes.push_str(&format!(". Refunded on {own}."));
    }
    let mut sources: Vec<(String, String)> = [
        ("clientid", "customer"),
        ("create_date", "refunds.processedAt"),
        ("currency_code", "currencyCode"),
        ("notes", "refunds.id, name"),
    ]
    .map(|(field, source)| (field.to_owned(), source.to_owned()))
    .into();
    sources.extend(lines.iter().enumerate().map(|(index, line)| (format!("lines[{index}]"), line.source.clone())));
    let draft = CreditNoteDraft {
        clientid: 0,
        create_date,
        currency_code: style.currency.code().to_owned(),
        credit_type: "goodwill".to_owned(),
        notes,
        lines: lines.into_iter().map(|line| line.line).collect(),
    };
    let frozen = booked.dated.is_some_and(|day| view.settings.locks(day));
    Ok(WantedCredit { refund: number, draft, sources, frozen, total })
}

//! Payments: never more than is outstanding, since FreshBooks would make a credit of the rest without a word.

use chrono::NaiveDate;
use entity::resource_link::{Kind, State};

use super::{Error, Step, cents, gone, state};
use crate::{
    drift::view::view,
    freshbooks::{
        Books, Told,
        model::{Payment, PaymentDraft, VisState},
    },
    link::{Facts, KnownDoc},
    mapping::payment,
    problem::{Owner, Problem},
    sync::plan::{Action, Draft, Known, Write},
};

/// Makes sure, before anything is intended, that what `write` adds to the payments is outstanding. The invoice is read only where this
/// visit has not just had its answer: a person may have paid it by hand since.
pub(super) async fn fits(books: &Books, known: &mut Known, write: &Write) -> Result<(), Error> {
    let (Draft::Payment(draft), Action::Create | Action::Update | Action::Restore) = (&write.draft, write.action)
    else {
        return Ok(());
    };
    // What is brought back is what it was.
    let comes = match write.action {
        Action::Restore => doc(known, write).and_then(|doc| doc.facts.total).unwrap_or_default(),
        _ => cents(draft.amount.amount),
    };
    let adds = comes - booked(known, write);
    if adds <= 0 {
        return Ok(());
    }
    let outstanding = match known.outstanding {
        Some(outstanding) => outstanding,
        None => {
            let invoice = books.invoice(draft.invoiceid).await?.ok_or_else(|| gone("invoice", draft.invoiceid))?;
            *known.outstanding.insert(cents(invoice.outstanding.amount))
        }
    };
    if adds <= outstanding {
        return Ok(());
    }
    Err(Error::Refused(Problem::new(
        Owner::Accountant,
        "PAYMENT_EXCEEDS_OUTSTANDING",
        format!(
            "The invoice {} has less outstanding in FreshBooks than the payment of transaction {}: somebody has recorded one there as well.",
            draft.invoiceid, write.key.shopify_id
        ),
        "If the payment made by hand is the same money, link it by adoptDocument with this transaction. Else delete it there, then resync \
         the order.",
    )))
}

/// What FreshBooks counts of this payment now.
fn booked(known: &Known, write: &Write) -> i64 {
    doc(known, write).filter(|doc| doc.state == State::Confirmed).and_then(|doc| doc.facts.total).unwrap_or(0)
}

fn doc<'a>(known: &'a Known, write: &Write) -> Option<&'a KnownDoc<PaymentDraft>> {
    write.key.shopify_id.parse().ok().and_then(|transaction: i64| known.payments.get(&transaction))
}

/// What FreshBooks holds of the fields that we write.
fn held(payment: &Payment, date: NaiveDate) -> PaymentDraft {
    PaymentDraft {
        invoiceid: payment.invoiceid,
        amount: payment.amount.clone(),
        date: payment.date.unwrap_or(date),
        kind: payment.kind.clone(),
        note: payment.note.clone(),
    }
}

impl Step<'_, '_> {
    pub(super) async fn payment(&mut self) -> Result<(), Error> {
        let Draft::Payment(draft) = &self.write.draft else { return Ok(()) };
        let draft = draft.clone();
        let transaction: i64 = self.write.key.shopify_id.parse().unwrap_or_default();
        let before = self.known.payments.get(&transaction).and_then(|doc| doc.written.clone());
        if let Some(id) = self.write.id.filter(|_| self.write.action == Action::Adopt) {
            let found = self.named_payment(id, transaction, &draft).await?;
            return self.confirm_payment(transaction, &found, Some(held(&found, draft.date)), "adopted").await;
        }
        let Some(request) = &self.write.request else { return self.find_payment(transaction, &draft, before).await };
        let was = booked(self.known, self.write);
        let answer = self.books.send_payment(request).await?;
        // What FreshBooks holds now: of the amount it may have taken less.
        let written = match self.write.action {
            Action::Restore => Some(held(&answer, draft.date)),
            _ => Some(PaymentDraft { amount: answer.amount.clone(), ..draft.clone() }),
        };
        let counts = if answer.vis_state == VisState::Deleted { 0 } else { cents(answer.amount.amount) };
        self.known.outstanding = self.known.outstanding.map(|outstanding| outstanding - (counts - was));
        self.confirm_payment(transaction, &answer, written, "done").await?;
        // It may all the same have become a credit: between our look and our write somebody else may have paid.
        let moves = matches!(self.write.action, Action::Create | Action::Update);
        let credited = self.write.action == Action::Create && answer.overpaymentid.is_some();
        if credited || (moves && answer.amount.amount < draft.amount.amount) {
            return Err(Error::Refused(Problem::new(
                Owner::Accountant,
                "OVERPAYMENT_CREDIT",
                "FreshBooks booked part of a payment as a credit: the invoice had less outstanding than was received.",
                "Delete the credit and any payment made by hand on this invoice, then resync the order.",
            )));
        }
        Ok(())
    }

    /// The payment of a transaction whose last write may or may not have been done.
    async fn find_payment(
        &mut self,
        transaction: i64,
        draft: &PaymentDraft,
        before: Option<PaymentDraft>,
    ) -> Result<(), Error> {
        let invoice = self.known.invoice.as_ref().and_then(|doc| doc.id).unwrap_or_default();
        let ours = |row: &Told<Payment>| match self.write.id {
            Some(id) => row.id == id,
            None => payment::is_ours(&row.note, transaction),
        };
        let live = |row: &Told<Payment>| row.vis_state != VisState::Deleted && ours(row);
        let found = self.books.payments_of(invoice).await?.into_iter().filter(live).min_by_key(|row| row.id);
        self.known.outstanding = None; // it may have been counted or not: asked anew before more is paid
        match (found, self.write.id) {
            (Some(found), _) => {
                let written = held(&found, draft.date);
                self.confirm_payment(transaction, &found, Some(written), "adopted").await
            }
            // It was there and no longer shows: our deletion was done.
            (None, Some(id)) => {
                let facts = Facts { currency: draft.amount.code.clone(), ..Facts::default() };
                let doc = KnownDoc { state: State::Removed, id: Some(id), written: before, facts };
                self.confirm(&doc, id, "adopted", None).await?;
                self.known.payments.insert(transaction, doc);
                Ok(())
            }
            (None, None) => {
                self.absent();
                Ok(())
            }
        }
    }

    async fn confirm_payment(
        &mut self,
        transaction: i64,
        answer: &Told<Payment>,
        written: Option<PaymentDraft>,
        outcome: &str,
    ) -> Result<(), Error> {
        let facts = Facts {
            total: Some(cents(answer.amount.amount)),
            currency: answer.amount.code.clone(),
            dated: answer.date.or(written.as_ref().map(|written| written.date)),
            ..Facts::default()
        };
        let doc = KnownDoc { state: state(answer.vis_state), id: Some(answer.id), written, facts };
        self.confirm(&doc, answer.id, outcome, Some(view(Kind::Payment, &answer.whole))).await?;
        self.known.payments.insert(transaction, doc);
        Ok(())
    }
}

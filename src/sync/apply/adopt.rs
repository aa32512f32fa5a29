//! Documents that a person named: read, and linked only where they fit. Nothing of them is changed before that, and one that does not fit
//! is given back.

use entity::resource_link::State;
use rust_decimal::Decimal;

use super::{Error, Step, cents};
use crate::{
    freshbooks::{
        Told,
        model::{CreditNote, CreditNoteDraft, Invoice, Payment, PaymentDraft, VisState},
    },
    link::{self, LinkKey, noun},
    mapping::{Wanted, credit, invoice, payment},
    problem::{Owner, Problem},
};

/// A document that a person named, and why it is not linked.
#[derive(Debug)]
pub struct Unfit {
    /// What it was to be.
    pub key: LinkKey,
    /// FreshBooks' id of it.
    pub freshbooks_id: i64,
    /// What does not fit.
    pub problem: Problem,
}

/// The error of a document that does not fit, since `why`.
pub(super) fn unfit(key: &LinkKey, freshbooks_id: i64, why: &str) -> Error {
    let noun = noun(key.kind).replace('_', " ");
    let problem = Problem::new(
        Owner::Accountant,
        "ADOPTION_REFUSED",
        format!("The {noun} {freshbooks_id} that a person named is not linked: {why}."),
        "Mend that in FreshBooks and name it again with adoptDocument, or name another one; a resync books the order without it.",
    );
    Error::Unfit(Box::new(Unfit { key: key.clone(), freshbooks_id, problem }))
}

/// FreshBooks has no document of this id.
pub(super) const NOT_THERE: &str = "FreshBooks has none of this id";
/// It has been deleted in FreshBooks.
const DELETED: &str = "it is deleted";
const ANOTHERS: &str = "it says that it was made for something else in Shopify";

/// Why an invoice cannot be this order's, whoever says so.
pub(super) fn misfit(invoice: &Told<Invoice>, wanted: &Wanted) -> Option<String> {
    // Lines take a discount of the invoice as a whole neither away nor into account.
    let discount = &invoice.whole["discount_value"];
    let discount = discount.as_str().map_or_else(|| discount.to_string(), str::to_owned);
    if invoice.vis_state == VisState::Deleted {
        Some(DELETED.to_owned())
    } else if invoice::is_anothers(&invoice.notes, wanted.shopify_order_id) {
        Some("its notes say that it is another order's".to_owned())
    } else if discount.parse::<Decimal>().is_ok_and(|discount| !discount.is_zero()) {
        Some("it has a discount on the invoice as a whole; put discounts on lines of their own".to_owned())
    } else {
        in_another_currency(&invoice.amount.code, wanted)
    }
}

fn in_another_currency(code: &str, wanted: &Wanted) -> Option<String> {
    let wanted = wanted.currency.code();
    (code != wanted).then(|| format!("it is in {code}, and the order's documents are in {wanted}"))
}

impl Step<'_, '_> {
    /// The invoice that a person named.
    pub(super) async fn named_invoice(&self, id: i64) -> Result<Told<Invoice>, Error> {
        let invoice = self.books.invoice(id).await?.ok_or_else(|| self.unfit(id, NOT_THERE))?;
        if self.wanted.invoice.voided {
            let why = "the order was cancelled before any money came, and is to have no invoice; delete it by hand";
            return Err(self.unfit(id, why));
        }
        if let Some(why) = misfit(&invoice, self.wanted) {
            return Err(self.unfit(id, &why));
        }
        // An invoice is never lowered below its payments: FreshBooks would make a credit of the rest.
        let paid = cents(invoice.amount.amount) - cents(invoice.outstanding.amount);
        let named = self.known.payments.values().any(|doc| doc.state == State::Adopting);
        if paid > self.wanted.invoice.total && !named {
            let why =
                "more was paid on it than the order comes to; delete the payments made by hand, or name them as well";
            return Err(self.unfit(id, why));
        }
        // What was once about to be sent may have been made.
        if let Some(number) = self.known.invoice.as_ref().and_then(|doc| doc.facts.number.as_deref()) {
            let found = self.books.invoices_by_number(number).await?;
            let live = found.iter().filter(|row| row.vis_state != VisState::Deleted && row.id != id);
            let ours = live.filter(|row| invoice::is_ours(&row.notes, self.wanted.shopify_order_id)).map(|row| row.id);
            self.is_the_only_one(id, ours.min())?;
        }
        self.is_nobody_elses(id).await?;
        Ok(invoice)
    }

    /// The payment that a person named for a transaction.
    pub(super) async fn named_payment(
        &self,
        id: i64,
        transaction: i64,
        draft: &PaymentDraft,
    ) -> Result<Told<Payment>, Error> {
        let counts = self.wanted.payments.iter().any(|own| own.transaction == transaction && own.amount() != 0);
        if !counts {
            let why = "nothing of this transaction is to show on the invoice; delete the payment by hand";
            return Err(self.unfit(id, why));
        }
        let payment = self.books.payment(id).await?.ok_or_else(|| self.unfit(id, NOT_THERE))?;
        let why = if payment.vis_state == VisState::Deleted {
            Some(DELETED.to_owned())
        } else if payment.invoiceid != draft.invoiceid {
            Some(format!("it pays invoice {}, and this order's is {}", payment.invoiceid, draft.invoiceid))
        } else if payment::is_anothers(&payment.note, transaction) {
            Some(ANOTHERS.to_owned())
        } else {
            in_another_currency(&payment.amount.code, self.wanted)
        };
        if let Some(why) = why {
            return Err(self.unfit(id, &why));
        }
        let others = self.books.payments_of(draft.invoiceid).await?;
        let ours = others.iter().filter(|row| row.id != id && payment::is_ours(&row.note, transaction));
        self.is_the_only_one(id, ours.map(|row| row.id).min())?;
        self.is_nobody_elses(id).await?;
        Ok(payment)
    }

    /// The credit note that a person named for a refund.
    pub(super) async fn named_credit(
        &self,
        id: i64,
        refund: i64,
        draft: &CreditNoteDraft,
    ) -> Result<Told<CreditNote>, Error> {
        if !self.wanted.credits.iter().any(|credit| credit.refund == refund) {
            let why = "Shopify shows no money of this refund that has gone back beside the invoice";
            return Err(self.unfit(id, why));
        }
        let note = self.books.credit_note(id).await?.ok_or_else(|| self.unfit(id, NOT_THERE))?;
        let why = if note.vis_state == VisState::Deleted {
            Some(DELETED.to_owned())
        } else if note.clientid != draft.clientid {
            Some(format!("it is client {}'s, and this order's is {}", note.clientid, draft.clientid))
        } else if note.credit_type != draft.credit_type {
            Some(format!("it is a credit of the type {:?}, not {:?}", note.credit_type, draft.credit_type))
        } else if credit::is_anothers(&note.notes, refund) {
            Some(ANOTHERS.to_owned())
        } else {
            in_another_currency(&note.amount.code, self.wanted)
        };
        if let Some(why) = why {
            return Err(self.unfit(id, &why));
        }
        let others = self.books.credit_notes_of(draft.clientid).await?;
        let ours = others.iter().filter(|row| row.id != id && credit::is_ours(&row.notes, refund));
        self.is_the_only_one(id, ours.map(|row| row.id).min())?;
        self.is_nobody_elses(id).await?;
        Ok(note)
    }

    /// Fails where FreshBooks has one that we made: two of them would count twice.
    fn is_the_only_one(&self, id: i64, ours: Option<i64>) -> Result<(), Error> {
        match ours {
            Some(ours) => Err(self.unfit(id, &format!("{ours} was made by us for the same; a resync links it"))),
            None => Ok(()),
        }
    }

    /// Fails where the document belongs to something else already, over all connections of the account.
    async fn is_nobody_elses(&self, id: i64) -> Result<(), Error> {
        if self.holder(id).await?.is_some() {
            return Err(self.unfit(id, "it is linked to something else already"));
        }
        Ok(())
    }

    /// The link of a document to something else than this write is about.
    pub(super) async fn holder(&self, id: i64) -> Result<Option<entity::resource_link::Model>, Error> {
        let (visit, key) = (&self.visit, &self.write.key);
        let account = visit.connection.account_id.as_deref().unwrap_or_default();
        let own = (visit.connection.id, key.shopify_id.as_str());
        Ok(link::holder(visit.app.db.read(), account, key.kind, id, own).await?)
    }

    fn unfit(&self, id: i64, why: &str) -> Error {
        unfit(&self.write.key, id, why)
    }
}

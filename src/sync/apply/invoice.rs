//! Invoices: written, found by their number, and what their totals teach.

use entity::resource_link::Kind;

use super::{Error, Step, adopt::misfit, cents, gone, state};
use crate::{
    drift::view::view,
    freshbooks::{
        Error as BooksError, Told,
        model::{Invoice, InvoiceDraft, VisState},
    },
    link::KnownDoc,
    mapping::{cents_text, invoice},
    problem::{Owner, Problem},
    sync::plan::{Action, Draft},
};

impl Step<'_, '_> {
    pub(super) async fn invoice(&mut self) -> Result<(), Error> {
        let Draft::Invoice(draft) = &self.write.draft else { return Ok(()) };
        let draft = draft.clone();
        let Some((answer, written, outcome)) = self.ask_invoice(&draft).await? else { return Ok(()) };
        let known = self.known.invoice.as_ref();
        let written = match self.write.action {
            Action::Create | Action::Update | Action::Find | Action::Adopt => written,
            _ => known.and_then(|doc| doc.written.clone()),
        };
        let mut facts = known.map(|doc| doc.facts.clone()).unwrap_or_default();
        facts.total = Some(cents(answer.amount.amount));
        facts.outstanding = Some(cents(answer.outstanding.amount));
        facts.currency.clone_from(&answer.amount.code);
        facts.issued = answer.v3_status != "draft";
        facts.number = Some(answer.invoice_number.clone());
        facts.dated = answer.create_date.or(Some(draft.create_date));
        facts.client = Some(answer.customerid);
        if let Some(lines) = &answer.lines {
            facts.line_ids = lines.iter().map(|line| line.lineid).collect();
        }
        if self.priced(outcome) {
            let asked = self.write.request.as_ref().is_some_and(|request| request.body["invoice"]["status"] == 2);
            let issues = asked.then_some(facts.issued);
            facts.unexplained =
                self.learn(&draft.lines, cents(answer.amount.amount), issues, facts.unexplained).await?;
            facts.adjusted.clone_from(&self.wanted.invoice.adjusted);
        }
        self.known.outstanding = facts.outstanding;
        let doc = KnownDoc { state: state(answer.vis_state), id: Some(answer.id), written, facts };
        self.confirm(&doc, answer.id, outcome, Some(view(Kind::Invoice, &answer.whole))).await?;
        self.known.invoice = Some(doc);
        Ok(())
    }

    /// FreshBooks' answer, the draft that it is known to hold, and the outcome. `None` where there is nothing to confirm.
    async fn ask_invoice(
        &mut self,
        draft: &InvoiceDraft,
    ) -> Result<Option<(Told<Invoice>, Option<InvoiceDraft>, &'static str)>, Error> {
        let Some(request) = &self.write.request else {
            let found = match self.write.id {
                Some(id) if self.write.action == Action::Adopt => Some(self.named_invoice(id).await?),
                Some(id) => Some(self.books.invoice(id).await?.ok_or_else(|| gone("invoice", id))?),
                None => self.find_invoice(&draft.invoice_number).await?,
            };
            let Some(found) = found else {
                self.absent();
                return Ok(None);
            };
            return Ok(Some((found, None, "adopted")));
        };
        match self.books.send_invoice(request).await {
            Ok(answer) => Ok(Some((answer, Some(draft.clone()), "done"))),
            // Taken: perhaps by our own create whose answer was lost, and that FreshBooks has only now carried out.
            Err(BooksError::Refused(fault))
                if self.write.action == Action::Create && fault.is_about("invoice_number") =>
            {
                match self.find_invoice(&draft.invoice_number).await? {
                    Some(found) => Ok(Some((found, None, "adopted"))),
                    None => Err(BooksError::Refused(fault).into()),
                }
            }
            Err(BooksError::Refused(fault) | BooksError::NotFound(fault)) if fault.is_about("customerid") => {
                match self.replace_client().await? {
                    true => Ok(None), // planned again, with the other client
                    false => Err(BooksError::Refused(fault).into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn find_invoice(&self, number: &str) -> Result<Option<Told<Invoice>>, Error> {
        let found = self.books.invoices_by_number(number).await?;
        let ours = |row: &&Told<Invoice>| invoice::is_ours(&row.notes, self.wanted.shopify_order_id);
        // A live one before a deleted one; the oldest of several.
        let best = found.iter().filter(ours).min_by_key(|row| (row.vis_state == VisState::Deleted, row.id));
        if let Some(best) = best {
            return Ok(Some(best.clone()));
        }
        // Somebody else's number is not one that we have used; the settings may name another by now.
        let settled = invoice::new_number(&self.snapshot.order, &self.visit.settings) == number;
        if found.is_empty() || !settled {
            return Ok(None);
        }
        for row in &found {
            if self.may_be_this_orders(row).await? {
                return Err(Error::Waiting(Problem::new(
                    Owner::Accountant,
                    "ADOPTION_OFFERED",
                    format!(
                        "FreshBooks already has an invoice {number} that is not ours, and it has this order's client and total: {} with {} {}.",
                        row.id,
                        cents_text(cents(row.amount.amount)),
                        row.amount.code
                    ),
                    "If it is this order's invoice, link it by adoptDocument with this id. Else give this connection its own numbers \
                     (setting invoiceNumber, such as SH-{number}), or rename that invoice and resync the order.",
                )));
            }
        }
        let ids: Vec<String> = found.iter().map(|row| row.id.to_string()).collect();
        Err(Error::Refused(Problem::new(
            Owner::Accountant,
            "INVOICE_NUMBER_TAKEN",
            format!("FreshBooks already has an invoice {number} that is not ours: {}.", ids.join(", ")),
            "Give this connection its own numbers (setting invoiceNumber, such as SH-{number}), or rename that invoice.",
        )))
    }

    /// Whether somebody else's invoice may well be the one of this order: the same money, of the client that the order would get.
    async fn may_be_this_orders(&self, row: &Told<Invoice>) -> Result<bool, Error> {
        if cents(row.amount.amount) != self.wanted.invoice.total || misfit(row, self.wanted).is_some() {
            return Ok(false);
        }
        let same = self.known.client.as_ref().and_then(|doc| doc.id) == Some(row.customerid);
        let email = &self.wanted.client.draft.email;
        let fits = same
            || (!email.is_empty()
                && self
                    .books
                    .client(row.customerid)
                    .await?
                    .is_some_and(|client| client.email.trim().to_lowercase() == *email));
        Ok(fits && self.holder(row.id).await?.is_none())
    }
}

//! Credit notes: one per refund, found again among their client's.

use entity::resource_link::Kind;

use super::{Error, Step, cents, gone, state};
use crate::{
    drift::view::view,
    freshbooks::{
        Error as BooksError, Told,
        model::{CreditNote, CreditNoteDraft},
    },
    link::KnownDoc,
    mapping::credit,
    sync::plan::{Action, Draft},
};

impl Step<'_, '_> {
    pub(super) async fn credit(&mut self) -> Result<(), Error> {
        let Draft::Credit(draft) = &self.write.draft else { return Ok(()) };
        let draft = draft.clone();
        let refund: i64 = self.write.key.shopify_id.parse().unwrap_or_default();
        let known = self.known.credits.get(&refund);
        let before = known.and_then(|doc| doc.written.clone());
        let mut facts = known.map(|doc| doc.facts.clone()).unwrap_or_default();
        let (answer, written, outcome) = match &self.write.request {
            Some(request) => {
                let answer = match self.books.send_credit_note(request).await {
                    Err(BooksError::Refused(fault) | BooksError::NotFound(fault)) if fault.is_about("clientid") => {
                        self.client_is_there().await?;
                        return Err(BooksError::Refused(fault).into());
                    }
                    answer => answer?,
                };
                let written = match self.write.action {
                    Action::Create | Action::Update => Some(draft.clone()),
                    _ => before,
                };
                (answer, written, "done")
            }
            None => match self.find_credit(refund, &draft).await? {
                Some(found) => (found, None, "adopted"),
                None => {
                    self.absent();
                    return Ok(());
                }
            },
        };
        facts.total = Some(cents(answer.amount.amount));
        facts.currency.clone_from(&answer.amount.code);
        facts.dated = answer.create_date.or(Some(draft.create_date));
        if self.priced(outcome) {
            facts.unexplained = self.learn(&draft.lines, cents(answer.amount.amount), None, facts.unexplained).await?;
        }
        let doc = KnownDoc { state: state(answer.vis_state), id: Some(answer.id), written, facts };
        self.confirm(&doc, answer.id, outcome, Some(view(Kind::CreditNote, &answer.whole))).await?;
        self.known.credits.insert(refund, doc);
        Ok(())
    }

    /// The credit note of a refund whose last write may or may not have been done.
    async fn find_credit(&self, refund: i64, draft: &CreditNoteDraft) -> Result<Option<Told<CreditNote>>, Error> {
        if let Some(id) = self.write.id.filter(|_| self.write.action == Action::Adopt) {
            return self.named_credit(id, refund, draft).await.map(Some);
        }
        if let Some(id) = self.write.id {
            return self.books.credit_note(id).await?.map(Some).ok_or_else(|| gone("credit note", id));
        }
        let ours = |row: &Told<CreditNote>| credit::is_ours(&row.notes, refund);
        let found = self.books.credit_notes_of(draft.clientid).await?;
        Ok(found.into_iter().filter(ours).min_by_key(|row| row.id))
    }
}

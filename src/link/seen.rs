//! How a document stood in FreshBooks when we last wrote it, and how it stands there since.
//!
//! FreshBooks' answers are compared with each other, never with what we sent: whatever it makes of a text or a number, it makes of it twice.
//! A write of ours says nothing about the fields that it does not name: what somebody changed there before it is still to be noticed.

use std::collections::{BTreeMap, BTreeSet};

use entity::resource_link::Model;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::crypto::DataKey;

/// A document field by field, as text: `notes`, `amount`, `lines[0]`. Fields that are empty are not there.
pub type View = BTreeMap<String, String>;

/// Stands in a view whose lines are known, even where there are none.
pub const LINES: &str = "lines";

/// What is remembered of a document for comparing it later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Seen {
    /// As it was after our last write, or as a person's decision has it.
    pub ours: View,
    /// As it was when it was last looked at; absent where that was the same.
    pub found: Option<View>,
    /// Fields whose version in FreshBooks a person has chosen over ours.
    pub kept: BTreeSet<String>,
    /// A person wants ours back, and it is not there yet.
    pub restoring: bool,
}

/// What a write named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of a new document.
    All,
    /// Nothing: the document was read.
    Nothing,
    /// These fields.
    Fields(BTreeSet<String>),
}

/// What of a document is not ours to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Fields that a person has changed, and nobody has decided about.
    pub changed: BTreeSet<String>,
    /// Fields whose version in FreshBooks a person keeps.
    pub kept: BTreeSet<String>,
}

impl Held {
    /// Whether this field is not ours to write.
    pub fn has(&self, field: &str) -> bool {
        self.changed.contains(field) || self.kept.contains(field)
    }
}

/// The field behind a field of a view: `lines` of `lines[2]`.
pub fn field_of(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// The fields in which two views differ. Lines count only where both know them.
pub fn differences(one: &View, other: &View) -> Vec<String> {
    let lines = one.contains_key(LINES) && other.contains_key(LINES);
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let counts = |name: &&String| if field_of(name) == LINES { lines && *name != LINES } else { true };
    names.into_iter().filter(counts).filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

impl Seen {
    /// Of a document whose answer is `ours`.
    pub fn new(ours: View) -> Self {
        Self { ours, ..Self::default() }
    }

    /// What is remembered after an answer to a write of ours, and the fields of `drift` that still stand.
    pub fn answered(before: Option<Self>, drift: &[String], answer: View, sent: &Sent) -> (Self, Vec<String>) {
        let Some(before) = before else { return (Self::new(answer), Vec::new()) };
        let taken = |name: &str| match sent {
            Sent::All => true,
            Sent::Nothing => !drift.iter().any(|known| known == name),
            Sent::Fields(fields) => covers(fields, name),
        };
        let mut ours: View = before.ours.iter().filter(|(name, _)| !taken(name)).map(own).collect();
        ours.extend(answer.iter().filter(|(name, _)| taken(name)).map(own));
        let known = before.ours.contains_key(LINES) || taken(LINES);
        if !known {
            ours.extend(answer.iter().filter(|(name, _)| field_of(name) == LINES).map(own));
        }
        let differ = differences(&ours, &answer);
        let stands = |name: &&String| !taken(name) && differ.contains(name);
        let drift: Vec<String> = drift.iter().filter(stands).cloned().collect();
        let mut kept = before.kept;
        if *sent != Sent::Nothing {
            kept.retain(|field| !taken(field));
        }
        let restoring = before.restoring && !(drift.is_empty() && kept.is_empty());
        let found = if drift.is_empty() { None } else { Some(answer) };
        (Self { ours, found, kept, restoring }, drift)
    }

    /// What is remembered after a look that found the document as `found`, and the fields in which it differs.
    #[must_use]
    pub fn looked(mut self, found: View) -> (Self, Vec<String>) {
        let drift = differences(&self.ours, &found);
        if drift.is_empty() {
            // What an answer left out is known now.
            self.ours = found;
            self.found = None;
            if self.restoring {
                (self.kept, self.restoring) = (BTreeSet::new(), false);
            }
            return (self, drift);
        }
        let news = |name: &String| self.found.as_ref().unwrap_or(&self.ours).get(name) != found.get(name);
        if drift.iter().any(news) {
            self.restoring = false; // not what somebody wanted back
        }
        self.found = Some(found);
        (self, drift)
    }

    /// As it stands in FreshBooks, as far as we know.
    pub fn now(&self) -> &View {
        self.found.as_ref().unwrap_or(&self.ours)
    }

    /// A person has chosen what FreshBooks has over what we wrote.
    pub fn keep(&mut self, drift: &[String]) {
        if let Some(found) = self.found.take() {
            self.ours = found;
        }
        self.kept.extend(drift.iter().map(|name| field_of(name).to_owned()));
        self.restoring = false;
    }

    /// What is not ours to write.
    pub fn held(&self, drift: &[String]) -> Held {
        if self.restoring {
            return Held::default();
        }
        Held { changed: drift.iter().map(|name| field_of(name).to_owned()).collect(), kept: self.kept.clone() }
    }
}

/// Whether a write of these fields says what this field of a view becomes: lines make the total.
pub fn covers(fields: &BTreeSet<String>, name: &str) -> bool {
    fields.contains(field_of(name)) || (name == "amount" && fields.contains(LINES))
}

fn own((name, text): (&String, &String)) -> (String, String) {
    (name.clone(), text.clone())
}

/// What a row remembers; `None` where that is nothing yet.
///
/// # Errors
/// When what is stored was tampered with.
pub fn open(row: &Model, key: &DataKey) -> Result<Option<Seen>, Error> {
    let Some(sealed) = &row.seen else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&key.open(&place(row.id), sealed)?)?))
}

/// The fields of a row that a person has changed.
pub fn drift(row: &Model) -> Vec<String> {
    row.drift.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub(super) fn sealed(id: entity::ids::LinkId, seen: &Seen, key: &DataKey) -> Result<String, Error> {
    Ok(key.seal(&place(id), &serde_json::to_vec(seen)?)?)
}

pub(super) fn listed(drift: &[String]) -> Result<Option<String>, Error> {
    Ok(if drift.is_empty() { None } else { Some(serde_json::to_string(drift)?) })
}

fn place(id: entity::ids::LinkId) -> String {
    format!("resource_link/{id}/seen")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(fields: &[(&str, &str)]) -> View {
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn names(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|name| (*name).to_owned()).collect()
    }

    fn fields(fields: &[&str]) -> Sent {
        Sent::Fields(names(fields).into_iter().collect())
    }

    #[test]
    fn a_write_says_nothing_about_fields_that_it_does_not_name() {
        let before = Seen::new(view(&[("notes", "ours"), ("po_number", "1"), ("amount", "5.00 CAD"), (LINES, "")]));
        let answer = view(&[("notes", "theirs"), ("po_number", "2"), ("amount", "5.00 CAD"), (LINES, "")]);
        let (seen, drift) = Seen::answered(Some(before.clone()), &[], answer.clone(), &fields(&["po_number"]));
        assert_eq!((seen.ours["notes"].as_str(), seen.ours["po_number"].as_str()), ("ours", "2"));
        assert!(drift.is_empty(), "it is noticed by a look");
        let (_, drift) = seen.looked(answer.clone());
        assert_eq!(drift, ["notes"]);
        let (seen, drift) = Seen::answered(Some(before), &names(&["notes"]), answer, &fields(&["notes"]));
        assert_eq!((seen.ours["notes"].as_str(), seen.found, drift.len()), ("theirs", None, 0));
    }

    #[test]
    fn lines_make_the_total_and_are_learnt_late_where_an_answer_left_them_out() {
        let before = Seen::new(view(&[("amount", "5.00 CAD")]));
        let whole = view(&[("amount", "5.00 CAD"), (LINES, ""), ("lines[0]", "1 × Mug")]);
        let (seen, drift) = before.looked(whole.clone());
        assert_eq!((&seen.ours, drift.len()), (&whole, 0));
        let answer = view(&[("amount", "6.00 CAD"), (LINES, ""), ("lines[0]", "1 × Cup")]);
        let (seen, drift) = Seen::answered(Some(seen), &[], answer.clone(), &fields(&[LINES]));
        assert_eq!((seen.ours, drift.len()), (answer, 0));
    }

    #[test]
    fn what_was_read_back_is_ours_but_for_what_was_noticed_before() {
        let before = Seen::new(view(&[("amount", "5.00 CAD"), ("note", "ours")]));
        let answer = view(&[("amount", "4.00 CAD"), ("note", "theirs")]);
        let (seen, drift) = Seen::answered(Some(before), &names(&["note"]), answer, &Sent::Nothing);
        assert_eq!((seen.ours["amount"].as_str(), seen.ours["note"].as_str()), ("4.00 CAD", "ours"));
        assert_eq!(drift, ["note"]);
    }

    #[test]
    fn what_is_kept_is_not_reported_again_and_stays_the_persons() {
        let seen = Seen::new(view(&[("notes", "ours")]));
        let theirs = view(&[("notes", "theirs")]);
        let (mut seen, drift) = seen.looked(theirs.clone());
        seen.keep(&drift);
        let (seen, drift) = seen.looked(theirs);
        assert!(drift.is_empty() && seen.held(&drift).has("notes") && !seen.held(&drift).changed.contains("notes"));
    }

    #[test]
    fn what_is_restored_is_ours_to_write_until_somebody_changes_it_again() {
        let (mut seen, drift) = Seen::new(view(&[("notes", "ours")])).looked(view(&[("notes", "theirs")]));
        seen.restoring = true;
        assert_eq!(seen.held(&drift), Held::default());
        let (seen, drift) = seen.looked(view(&[("notes", "theirs")]));
        assert!(seen.restoring);
        let (seen, drift) = seen.looked(view(&[("notes", &format!("{} again", drift[0]))]));
        assert!(!seen.restoring && seen.held(&drift).has("notes"));
    }
}

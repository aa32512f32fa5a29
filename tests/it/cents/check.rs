//! The properties of one case.

use ml_connector::{
    mapping::{self, Booked, Refusal, Wanted, settings::Refunds},
    sandbox::shopify::{currency::CurrencyCode, model::Order},
};

use super::{
    adding,
    books::Books,
    case::Case,
    convert::convert,
    law::{self, Law},
    limits,
};

/// How a case ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// To the cent.
    Booked,
    /// Left out by a rule of the settings.
    Skipped(String),
    /// Waits for Shopify or a person, as it should.
    Waiting(String),
    /// The settings or FreshBooks itself rule it out: a third decimal, a number too long, a cap of the accountant's.
    RuledOut(String),
    /// A refusal that nothing explains. A few in ten thousand are tolerated.
    Refused(String),
}

/// Whether every property holds for `case`.
pub(super) fn check(case: &Case) -> Result<Outcome, String> {
    let mut books = Books::new(case.shop.rules, case.issues_in_create);
    if let Some(Ok(earlier)) = case.before.as_ref().map(|before| wanted(before, case, &Booked::default())) {
        books.settle(&earlier).map_err(|problem| format!("at the earlier state: {problem}"))?;
    }
    let law = Law::of(&case.order, case.settings.currency);
    match wanted(&case.order, case, &books.booked()) {
        Err(refusal) => refused(refusal, case, law),
        Ok(wanted) => {
            to_the_cent(&wanted, case, law)?;
            paid(&wanted, law)?;
            limits::invoice(&wanted.invoice.draft, law.currency)?;
            wanted.credits.iter().try_for_each(|credit| limits::lines(&credit.draft.lines, law.currency))?;
            // What is left to a person is in nobody's books yet.
            if case.kept && case.settings.refunds != Refunds::Person {
                kept(&wanted, books, law)?;
            }
            Ok(Outcome::Booked)
        }
    }
}

/// What is written step by step ends as it should, and then there is nothing left to write.
fn kept(wanted: &Wanted, mut books: Books, law: Law) -> Result<(), String> {
    books.settle(wanted)?;
    let booked = books.figures().unwrap_or_default();
    let expected = (law.owed.unwrap_or_default(), law.paid.unwrap_or_default());
    let fits = booked.0 == expected.0 && (booked.1 - expected.1).abs() <= apart(wanted, law);
    if fits { Ok(()) } else { Err(format!("the books hold {booked:?}, not {expected:?}")) }
}

/// By how much payments less credit notes may miss what was paid: shares of one amount and shares of another, both to the cent, may be a
/// cent apart each, but not where nothing is left.
fn apart(wanted: &Wanted, law: Law) -> i64 {
    if law.refunded.is_some() || law.paid == Some(0) {
        return 0;
    }
    unit(law.currency) * i64::try_from(wanted.credits.len().max(1)).unwrap()
}

/// The smallest amount of a currency in hundredths.
fn unit(currency: CurrencyCode) -> i64 {
    if currency.digits() == 0 { 100 } else { 1 }
}

fn wanted(order: &Order, case: &Case, booked: &Booked) -> Result<Wanted, Refusal> {
    mapping::wanted(&convert(order), &case.settings, &case.shop, booked)
}

/// The invoice less credit notes makes what the order is owed, by FreshBooks' rule as the mapping and as these tests know it.
fn to_the_cent(wanted: &Wanted, case: &Case, law: Law) -> Result<(), String> {
    let invoice = adding::total(&wanted.invoice.draft.lines, case.shop.rules);
    let mut credits = 0;
    for credit in &wanted.credits {
        let computed = adding::total(&credit.draft.lines, case.shop.rules);
        if computed != credit.total || computed <= 0 {
            return Err(format!("the lines of a credit note make {computed}, the mapping predicts {}", credit.total));
        }
        credits += computed;
    }
    let (computed, proof) = (invoice - credits, wanted.proof);
    if computed != proof.predicted || invoice != wanted.invoice.total {
        return Err(format!("the lines make {computed}, the mapping predicts {}", proof.predicted));
    }
    let left = if case.settings.refunds == Refunds::Person { computed - proof.shopify } else { 0 };
    if law.refunded.is_some_and(|refunded| left > refunded) || (left != 0) != wanted.left_to_person.is_some() {
        return Err(format!("{left} are left to a person: {:?}", wanted.left_to_person));
    }
    if Some(computed - left) != law.owed || Some(proof.shopify) != law.owed {
        return Err(format!("owed are {:?}, the lines make {computed}, the proof says {proof:?}", law.owed));
    }
    if wanted.invoice.voided != law::void(&case.order) {
        return Err(format!("voided: {}", wanted.invoice.voided));
    }
    Ok(())
}

/// The payments make what was received and not given back; where refunds are recorded elsewhere, what was received.
fn paid(wanted: &Wanted, law: Law) -> Result<(), String> {
    let amounts: Vec<_> = wanted.payments.iter().map(mapping::WantedPayment::amount).collect();
    let sum: i64 = amounts.iter().sum();
    // What the invoice has beyond what is owed was given back elsewhere, and is in the payments too.
    let elsewhere = wanted.invoice.total - wanted.proof.shopify;
    if law.refunded.is_some_and(|refunded| elsewhere > refunded) || elsewhere < 0 {
        return Err(format!("{elsewhere} are given back elsewhere, of {:?}", law.refunded));
    }
    let off = law.paid.map_or(i64::MAX, |paid| (sum - elsewhere - paid).abs());
    if off > apart(wanted, law) || amounts.iter().any(|amount| *amount < 0) {
        return Err(format!("paid were {:?} and {elsewhere}, the payments are {amounts:?}", law.paid));
    }
    if sum > wanted.invoice.total {
        return Err(format!("payments of {sum} for an invoice over {}", wanted.invoice.total));
    }
    Ok(())
}

/// Whether there was a reason.
fn refused(refusal: Refusal, case: &Case, law: Law) -> Result<Outcome, String> {
    let problem = match refusal {
        Refusal::Skipped(rule) => return Ok(Outcome::Skipped(rule.code().to_owned())),
        Refusal::Waiting(problem) if problem.code == "OVERPAID" && !law.overpaid => {
            return Err(format!("{}: {}", problem.code, problem.message));
        }
        Refusal::Waiting(problem) => return Ok(Outcome::Waiting(problem.code)),
        Refusal::Failed(problem) => problem,
    };
    let number = case.settings.invoice_number.replace("{number}", &case.order.number.to_string());
    let explained = match problem.code.as_str() {
        "CURRENCY_PRECISION" => law.currency.digits() > 2,
        "INVOICE_NUMBER_TOO_LONG" => number.len() > 10,
        "NOT_TO_THE_CENT" => case.settings.rounding_cap.is_some(),
        _ => false,
    };
    Ok(if explained { Outcome::RuledOut(problem.code) } else { Outcome::Refused(problem.code) })
}

//! Wanted and known make a plan: each confirmed write shortens it.

use entity::resource_link::{Kind, State};

use super::*;
use crate::{
    link::{Facts, KnownDoc, LinkKey},
    sync::plan::{Action, Draft, Known, plan},
};

#[test]
fn each_confirmed_write_shortens_the_plan_until_nothing_is_left() {
    let wanted = want(&mugs(), &Settings::default());
    let client = LinkKey { kind: Kind::Client, shopify_id: "guest:x".to_owned() };
    let mut known = Known::default();
    let mut steps = Vec::new();
    while let Some(write) = plan(&wanted, &known, &client).into_iter().next() {
        steps.push((write.key.kind, write.action));
        assert!(steps.len() < 10, "{steps:?}");
        let facts = Facts { total: Some(2712), issued: true, as_of: Some(wanted.client.as_of), ..Facts::default() };
        let state = State::Confirmed;
        match (write.action, write.draft) {
            (Action::Find, _) => known.absent.push(write.key),
            (_, Draft::Credit(draft)) => panic!("no refund, and yet {draft:?}"),
            (_, Draft::Client(draft)) => {
                known.client = Some(KnownDoc { state, id: Some(1), written: Some(*draft), facts })
            }
            (_, Draft::Invoice(draft)) => {
                assert_eq!(draft.customerid, 1);
                known.invoice = Some(KnownDoc { state, id: Some(2), written: Some(draft), facts });
            }
            (_, Draft::Payment(draft)) => {
                assert_eq!(draft.invoiceid, 2);
                known.payments.insert(5, KnownDoc { state, id: Some(3), written: Some(draft), facts });
            }
        }
    }
    let expected = [(Kind::Client, Action::Find), (Kind::Client, Action::Create), (Kind::Invoice, Action::Create)];
    assert_eq!(steps[..3], expected);
    assert_eq!(steps[3..], [(Kind::Payment, Action::Create)]);

    // Refunded since: the payment is lowered before the invoice is.
    let refunded = mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56");
    let wanted = want_with(&refunded, &Settings::default(), &toronto(), &known.booked()).unwrap();
    let steps: Vec<_> =
        plan(&wanted, &known, &client).into_iter().map(|write| (write.key.kind, write.action)).collect();
    assert_eq!(steps, [(Kind::Payment, Action::Update), (Kind::Invoice, Action::Update)]);
}

#[test]
fn an_invoice_that_a_person_named_is_read_before_anything_else_is_looked_for_or_made() {
    let wanted = want(&mugs(), &Settings::default());
    let client = LinkKey { kind: Kind::Client, shopify_id: "guest:x".to_owned() };
    let named = |id| KnownDoc { state: State::Adopting, id: Some(id), written: None, facts: Facts::default() };
    let steps = |known: &Known| -> Vec<_> {
        let writes = plan(&wanted, known, &client).into_iter();
        writes.map(|write| (write.key.kind, write.action, write.id, write.request.is_some())).collect()
    };
    let mut known = Known { invoice: Some(named(2)), ..Known::default() };
    assert_eq!(steps(&known), [(Kind::Invoice, Action::Adopt, Some(2), false)]);
    // A payment on it is read after it, and before anything of it is changed.
    known.payments.insert(5, KnownDoc { state: State::Adopting, id: Some(3), written: None, facts: Facts::default() });
    assert_eq!(steps(&known), [(Kind::Invoice, Action::Adopt, Some(2), false)]);
    let facts = Facts { client: Some(1), total: Some(2712), ..Facts::default() };
    known.invoice = Some(KnownDoc { state: State::Confirmed, id: Some(2), written: None, facts });
    assert_eq!(steps(&known)[0], (Kind::Payment, Action::Adopt, Some(3), false));
}

//! Rows "date" and "locked books": the shop's calendar day, and nothing new in a closed period.

use super::{settings::LateChanges, *};

fn locked_through(last: &str) -> Settings {
    but(|settings| settings.locked_through = Some(day(last)))
}

fn or_wait(last: &str) -> Settings {
    Settings { late_changes: LateChanges::Wait, ..locked_through(last) }
}

#[test]
fn a_document_is_dated_by_the_shops_calendar_day() {
    let table = [
        (chrono_tz::America::Toronto, "2026-11-20T04:59:59Z", "2026-11-19"),
        (chrono_tz::America::Toronto, "2026-11-20T05:00:00Z", "2026-11-20"),
        (chrono_tz::America::Toronto, "2026-11-01T03:59:59Z", "2026-10-31"),
        (chrono_tz::America::Toronto, "2026-11-01T04:00:00Z", "2026-11-01"),
        (chrono_tz::America::Toronto, "2026-11-02T04:30:00Z", "2026-11-01"),
        (chrono_tz::Asia::Tokyo, "2026-11-19T14:59:59Z", "2026-11-19"),
        (chrono_tz::Asia::Tokyo, "2026-11-19T15:00:00Z", "2026-11-20"),
        (chrono_tz::Pacific::Kiritimati, "2026-12-31T10:00:00Z", "2027-01-01"),
        (chrono_tz::UTC, "2026-11-20T00:00:00Z", "2026-11-20"),
    ];
    for (time_zone, at, expected) in table {
        let order = mugs().set("/processedAt", at).set("/transactions/0/createdAt", at);
        let order =
            order.refunded(refund(8, &[], "5.00").set("/processedAt", at)).set("/refundDiscrepancySet", bag("-5.00"));
        let settings = but(|settings| settings.refunds = settings::Refunds::CreditNote);
        let wanted = want_with(&order, &settings, &Shop { time_zone, ..toronto() }, &Booked::default()).unwrap();
        let dates = [
            wanted.invoice.draft.create_date,
            only(&wanted.payments).draft.date,
            only(&wanted.credits).draft.create_date,
        ];
        assert_eq!(dates, [day(expected); 3], "{time_zone} {at}");
    }
}

#[test]
fn a_new_document_of_a_locked_day_goes_into_the_open_period_and_says_so() {
    let (sale, moved) = (("2026-11-19", ""), ("2026-12-01", "\nSold on 2026-11-19."));
    let table = [
        ("no lock", Settings::default(), sale),
        ("locked up to the day before", locked_through("2026-11-18"), sale),
        ("locked through the day itself", locked_through("2026-11-19"), ("2026-11-20", moved.1)),
        ("locked through the month", locked_through("2026-11-30"), moved),
        ("locked, and late changes wait", or_wait("2026-11-30"), sale),
    ];
    for (what, settings, (date, note)) in table {
        let wanted = want(&mugs(), &settings);
        assert_eq!(wanted.invoice.draft.create_date, day(date), "{what}");
        assert_eq!(wanted.invoice.draft.notes, format!("Shopify order #1001, id 7001{note}"), "{what}");
        assert!(invoice::is_ours(&wanted.invoice.draft.notes, 7001), "{what}");
        let payment = only(&wanted.payments);
        assert_eq!(payment.draft.date, day(date), "{what}");
        assert_eq!(payment.draft.note.contains("Received on 2026-11-19."), !note.is_empty(), "{what}");
        assert!(payment::is_ours(&payment.draft.note, 5), "{what}");
    }
}

#[test]
fn what_is_dated_keeps_its_date_however_far_the_lock_moves() {
    let booked = |invoice: &str, paid: &str| Booked {
        paid: [(5, day(paid))].into(),
        ..invoiced(|booked| booked.dated = Some(day(invoice)))
    };
    let table = [
        (booked("2026-11-19", "2026-11-19"), locked_through("2026-11-30"), ["2026-11-19", "2026-11-19"]),
        (booked("2026-12-01", "2026-12-01"), locked_through("2026-11-30"), ["2026-12-01", "2026-12-01"]),
        (booked("2026-12-01", "2026-12-01"), locked_through("2026-12-31"), ["2026-12-01", "2026-12-01"]),
        (booked("2026-11-19", "2026-12-01"), locked_through("2026-12-31"), ["2026-11-19", "2026-12-01"]),
        (booked("2026-12-01", "2026-12-01"), Settings::default(), ["2026-12-01", "2026-12-01"]),
    ];
    for (booked, settings, expected) in table {
        let wanted = want_with(&mugs(), &settings, &toronto(), &booked).unwrap();
        let dates = [wanted.invoice.draft.create_date, only(&wanted.payments).draft.date];
        assert_eq!(dates, expected.map(day), "{booked:?}");
    }
}

#[test]
fn a_payment_that_comes_after_its_invoice_was_locked_goes_into_the_open_period() {
    let booked = invoiced(|booked| booked.dated = Some(day("2026-11-19")));
    let told = books_after(&mugs(), &locked_through("2026-11-30"), &booked);
    assert_eq!(told, ["2 Mug at 12.00 HST 13%", "27.12 CAD", "paid 27.12 CAD on 2026-12-01 as Credit Card"]);
}

#[test]
fn a_refund_of_a_locked_invoice_is_a_credit_note_in_the_open_period() {
    let order = || mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56");
    let booked = || Booked {
        paid: [(5, day("2026-11-19"))].into(),
        ..invoiced(|booked| booked.dated = Some(day("2026-11-19")))
    };
    let (sold, paid) = ("2 Mug at 12.00 HST 13%", "paid 27.12 CAD on 2026-11-19 as Credit Card");
    let (gone, half) = ("1 Refund: Mug at -12.00 HST 13%", "paid 13.56 CAD on 2026-11-19 as Credit Card");
    let back = "1 Refund: Mug at 12.00 HST 13%";
    let adjusted = [sold, gone, "13.56 CAD", half];
    let table: [(&str, Settings, &[&str]); 5] = [
        ("open", locked_through("2026-11-18"), &adjusted),
        (
            "the sale is locked",
            locked_through("2026-11-20"),
            &[sold, "27.12 CAD", paid, "credit note on 2026-11-21", back, "13.56 CAD"],
        ),
        (
            "the refund too",
            locked_through("2026-11-30"),
            &[sold, "27.12 CAD", paid, "credit note on 2026-12-01", back, "13.56 CAD"],
        ),
        ("late changes wait: the plan will say so", or_wait("2026-11-30"), &adjusted),
        (
            "left to a person stays so",
            Settings { refunds: settings::Refunds::Person, ..locked_through("2026-11-30") },
            &[
                sold,
                "27.12 CAD",
                paid,
                "left to a person: 1 refund(s) of 13.56 CAD are left to a person (setting `refunds`).",
            ],
        ),
    ];
    for (what, settings, expected) in table {
        assert_eq!(books_after(&order(), &settings, &booked()), expected, "{what}");
    }
    let wanted = want_with(&order(), &locked_through("2026-11-30"), &toronto(), &booked()).unwrap();
    let expected = "Shopify refund 8 of order #1001 (id 7001), invoice 1001. Refunded on 2026-11-21.";
    assert_eq!(only(&wanted.credits).draft.notes, expected);
}

#[test]
fn what_a_locked_invoice_already_shows_stays_on_it_and_a_credit_note_keeps_its_date() {
    let order = mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56");
    let adjusted = invoiced(|booked| (booked.dated, booked.adjusted) = (Some(day("2026-11-19")), vec![8]));
    assert_eq!(
        books_after(&order, &locked_through("2026-11-30"), &adjusted)[1..3],
        ["1 Refund: Mug at -12.00 HST 13%", "13.56 CAD"]
    );
    let credit = BookedCredit { dated: Some(day("2026-12-01")), ..BookedCredit::default() };
    let credited =
        Booked { credited: [(8, credit)].into(), ..invoiced(|booked| booked.dated = Some(day("2026-11-19"))) };
    assert_eq!(books_after(&order, &locked_through("2026-12-31"), &credited)[3], "credit note on 2026-12-01");
}

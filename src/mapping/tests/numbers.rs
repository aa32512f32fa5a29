//! Rows "number" and "traceability".

use super::*;

fn numbered(template: &str) -> Settings {
    but(|settings| settings.invoice_number = template.to_owned())
}

#[test]
fn the_number_is_the_template_filled_in_or_refused_where_freshbooks_takes_no_more() {
    let table = [
        ("{number}", 1001_i64, "1001"),
        ("SH-{number}", 1001, "SH-1001"),
        ("{number}/26", 1001, "1001/26"),
        ("№{number}", 1001, "№1001"),
        ("SHOPS-{number}", 1001, "SHOPS-1001"),
        ("SHOPS-{number}", 10_001, "failed: INVOICE_NUMBER_TOO_LONG"),
        ("SHOP-{number}-X", 1001, "failed: INVOICE_NUMBER_TOO_LONG"),
        ("{number}", 9_999_999_999, "9999999999"),
        ("{number}", 10_000_000_000, "failed: INVOICE_NUMBER_TOO_LONG"),
    ];
    for (template, number, expected) in table {
        let order = mugs().set("/number", number);
        let told = match want_with(&order, &numbered(template), &toronto(), &Booked::default()) {
            Ok(wanted) => wanted.invoice.draft.invoice_number,
            Err(refusal) => reason(&refusal),
        };
        assert_eq!(told, expected, "{template} with {number}");
    }
}

#[test]
fn a_number_that_was_given_is_kept_whatever_the_template_says_now() {
    let booked = invoiced(|invoice| invoice.number = Some("1001".to_owned()));
    for template in ["SH-{number}", "A-TEMPLATE-FAR-TOO-LONG-{number}"] {
        let order = mugs().refunded(refund(8, &[], "5.00")).set("/refundDiscrepancySet", bag("-5.00"));
        let settings = Settings { refunds: settings::Refunds::CreditNote, ..numbered(template) };
        let wanted = want_with(&order, &settings, &toronto(), &booked).unwrap();
        assert_eq!(wanted.invoice.draft.invoice_number, "1001", "{template}");
        assert!(only(&wanted.credits).draft.notes.ends_with("invoice 1001"), "{template}");
    }
}

#[test]
fn the_invoice_names_its_order_in_the_form_by_which_it_is_found_again() {
    let draft = want(&mugs(), &Settings::default()).invoice.draft;
    assert_eq!((draft.po_number.as_str(), draft.notes.as_str()), ("#1001", "Shopify order #1001, id 7001"));
    for (notes, id, ours) in [
        (draft.notes.as_str(), 7001, true),
        (&draft.notes, 701, false),
        (&draft.notes, 1, false),
        ("Shopify order #1001, id 7001\nSold on 2026-11-19.", 7001, true),
        ("Thank you!\nShopify order #1001, id 7001", 7001, true),
        ("about id 7001", 7001, false),
        ("", 7001, false),
    ] {
        assert_eq!(invoice::is_ours(notes, id), ours, "{notes:?} {id}");
        let of_somebody = notes.contains("Shopify order ");
        assert_eq!(invoice::is_anothers(notes, id), of_somebody && !ours, "{notes:?} {id}");
    }
    for notes in ["Shopify order of last week", "Shopify order #7, id unknown", "see Shopify order #7, id 7"] {
        assert!(!invoice::is_anothers(notes, 7001), "{notes:?} is a person's");
    }
}

#[test]
fn an_order_name_of_any_length_and_script_is_told_whole_in_the_notes() {
    let name = format!("№-{}", "ש".repeat(300));
    let draft = want(&mugs().set("/name", name.as_str()), &Settings::default()).invoice.draft;
    assert_eq!(draft.po_number.chars().count(), 255);
    assert_eq!(draft.notes, format!("Shopify order {name}, id 7001"));
}

#[test]
fn issue_says_how_far_the_invoice_goes_by_itself() {
    for issue in [settings::Issue::Sent, settings::Issue::Draft, settings::Issue::Email] {
        assert_eq!(want(&mugs(), &but(|settings| settings.issue = issue)).invoice.issue, issue);
    }
    assert_eq!(want(&mugs(), &Settings::default()).invoice.issue, settings::Issue::Sent, "without e-mail by default");
}

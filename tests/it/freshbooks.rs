//! What we send FreshBooks against the simulated account, which shares no type with it: a misspelt field shows here.

use ml_connector::{
    freshbooks::{
        Error, clients, credit_notes, invoices,
        model::{Amount, ClientDraft, CreditNoteDraft, InvoiceDraft, Line, VisState},
    },
    sandbox::freshbooks::HiddenClients,
};
use rust_decimal::Decimal;
use serde_json::json;

use crate::harness::{TestApp, World};

fn lamp() -> Line {
    Line {
        name: "Lamp".to_owned(),
        description: "returned".to_owned(),
        qty: 2,
        unit_cost: Amount { amount: Decimal::from(50), code: "CAD".to_owned() },
        tax_name1: Some("GST".to_owned()),
        tax_amount1: Some(Decimal::from(5)),
        tax_name2: Some("QST".to_owned()),
        tax_amount2: Some(Decimal::from(10)),
        compounded_tax: true,
    }
}

fn kim() -> ClientDraft {
    let (organization, vat_number) = ("Kim Ltd".to_owned(), "DE123456789".to_owned());
    ClientDraft { organization, vat_number, currency_code: "CAD".to_owned(), ..ClientDraft::default() }
}

#[tokio::test]
async fn a_credit_note_is_made_changed_found_and_deleted() {
    let app = TestApp::start().await;
    let books = app.books();
    let client = books.send_client(&clients::create(&kim())).await.unwrap().id;
    let other = books.send_client(&clients::create(&kim())).await.unwrap().id;
    let draft = CreditNoteDraft {
        clientid: client,
        create_date: "2026-11-20".parse().unwrap(),
        currency_code: "CAD".to_owned(),
        credit_type: "goodwill".to_owned(),
        notes: "Shopify refund 901".to_owned(),
        lines: vec![lamp()],
    };
    let made = books.send_credit_note(&credit_notes::create(&draft)).await.unwrap();
    // 100.00, 5.00 and 10 % of both.
    assert_eq!((made.amount.amount, made.paid.amount), (Decimal::new(11_550, 2), Decimal::ZERO));
    assert_eq!((made.clientid, made.credit_type.as_str()), (client, "goodwill"));

    let fields = json!({"notes": "Shopify refund 902", "lines": [Line { qty: 1, ..lamp() }]});
    let changed = books.send_credit_note(&credit_notes::update(made.id, fields.as_object().unwrap())).await.unwrap();
    assert_eq!((changed.notes.as_str(), changed.amount.amount), ("Shopify refund 902", Decimal::new(5775, 2)));
    assert_eq!(changed.object.lines.map(|lines| lines[0].amount.amount), Some(Decimal::from(50)));

    let found = books.credit_notes_of(client).await.unwrap();
    assert_eq!(found.iter().map(|note| note.id).collect::<Vec<_>>(), [made.id]);
    assert!(books.credit_notes_of(other).await.unwrap().is_empty());
    books.send_credit_note(&credit_notes::set_vis_state(made.id, VisState::Deleted)).await.unwrap();
    assert!(books.credit_notes_of(client).await.unwrap().is_empty());
    assert_eq!(books.credit_note(made.id).await.unwrap().unwrap().vis_state, VisState::Deleted);
    assert_eq!(app.freshbooks.clients()[0].vat_number, "DE123456789");
    assert_eq!(app.freshbooks.ignored_search_keys(), Vec::<String>::new());
    app.database.remove().await;
}

#[tokio::test]
async fn an_archived_client_gets_no_invoice_until_it_is_back_where_freshbooks_insists() {
    for (hidden_clients, insists) in [(HiddenClients::Refuse, true), (HiddenClients::Accept, false)] {
        let mut world = World::default();
        world.freshbooks.hidden_clients = hidden_clients;
        let app = TestApp::in_world(world).await;
        let books = app.books();
        let client = books.send_client(&clients::create(&kim())).await.unwrap().id;
        app.freshbooks.archive_client(client.unsigned_abs()).await.unwrap();
        assert_eq!(books.client(client).await.unwrap().unwrap().vis_state, VisState::Archived);
        let draft = InvoiceDraft {
            invoice_number: "S1".to_owned(),
            customerid: client,
            create_date: "2026-11-20".parse().unwrap(),
            currency_code: "CAD".to_owned(),
            po_number: String::new(),
            notes: String::new(),
            lines: vec![lamp()],
        };
        let request = invoices::create(&draft, true);
        match books.send_invoice(&request).await {
            Err(Error::Refused(fault)) => assert!(insists && fault.is_about("customerid"), "{fault}"),
            answer => assert!(!insists && answer.is_ok()),
        }
        if insists {
            let back = serde_json::json!({"vis_state": 0});
            app.freshbooks.edit_client(client.unsigned_abs(), back).await.unwrap();
            assert_eq!(books.client(client).await.unwrap().unwrap().vis_state, VisState::Active);
            books.send_invoice(&request).await.unwrap();
        }
        assert_eq!(app.freshbooks.invoices()[0].amount, Decimal::new(11_550, 2));
        app.database.remove().await;
    }
}

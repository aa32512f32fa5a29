use super::*;

#[tokio::test]
async fn a_person_works_in_the_books_without_calling_the_api() {
    let api = Caller::start(noon()).await;
    let books = &api.books;
    let client = books.add_client(json!({"fname": "Kim", "lname": "Byhand", "vat_number": "DE1"})).await.unwrap();
    books.edit_client(client, json!({"bus_phone": "555", "s_city": "Bonn"})).await.unwrap();
    let lines = json!([line("Mug", "5.00")]);
    let invoice = json!({"customerid": client, "create_date": "2026-11-20", "invoice_number": "H1", "lines": lines});
    let invoice = books.add_invoice(invoice).await.unwrap();
    books.add_payment(payment(invoice, "2.00")["payment"].clone()).await.unwrap();
    let credit = json!({"clientid": client, "create_date": "2026-11-20", "lines": lines});
    let credit = books.add_credit_note(credit).await.unwrap();
    books.edit_credit_note(credit, json!({"notes": "by hand"})).await.unwrap();
    books.archive_client(client).await.unwrap();

    let seen = &books.clients()[0];
    assert_eq!((seen.vat_number.as_str(), seen.phone.as_str(), seen.vis_state), ("DE1", "555", 2));
    assert_eq!(seen.other_address[2], "Bonn");
    assert_eq!(books.invoices()[0].paid.to_string(), "2.00");
    assert_eq!(books.credit_notes()[0].notes, "by hand");
    assert!(books.faults.calls().is_empty());
    assert!(books.add_client(json!({})).await.unwrap_err().contains("email"), "a person is held to the same rules");
}

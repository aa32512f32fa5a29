//! FreshBooks' grant: the link, the login, its businesses, and every way it can fail.

use entity::{
    connection::{self, Status},
    platform_grant::Platform,
};
use ml_connector::{auth::Actor, grant, sandbox::freshbooks};
use sea_orm::EntityTrait;
use serde_json::json;

use crate::{
    harness::{TestApp, World},
    person::{Person, ask, connect_by_browser, freshbooks_link, global, pending, unconnected},
};

#[tokio::test]
async fn of_two_admins_who_choose_at_once_one_decides() {
    let books = freshbooks::Options {
        more_businesses: vec![freshbooks::Business::new(77, "Second Ltd", Some("SbX8r2"))],
        ..freshbooks::Options::default()
    };
    let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
    connect_by_browser(&mut app, &mut Person::default()).await;
    let choose = async |business| {
        ml_connector::connection::select_business(&app.app, &Actor::system("test"), app.connection, business).await
    };
    let (one, other) = tokio::join!(choose(77), choose(14_700_001));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let chosen = if one.is_ok() { 77 } else { 14_700_001 };
    assert_eq!(app.connection().await.business_id, Some(chosen));
    app.end().await;
}

#[tokio::test]
async fn a_freshbooks_link_that_was_changed_or_is_over_leads_nowhere() {
    let mut app = TestApp::in_world(unconnected()).await;
    pending(&mut app).await;
    let link = freshbooks_link(&app).await;
    let mut wrong = link.clone();
    wrong.truncate(link.len() - 2);
    for link in [wrong.as_str(), &format!("{}oauth/freshbooks/authorize", app.app.config.public_url)] {
        let landed = Person::default().open(link).await;
        assert_eq!(landed.status, 400);
        assert!(landed.page.contains("LINK_OVER"), "{}", landed.page);
    }
    app.app.clock.advance(chrono::TimeDelta::days(31));
    assert!(Person::default().open(&link).await.page.contains("LINK_OVER"));
    app.end().await;
}

#[tokio::test]
async fn a_login_with_several_businesses_waits_for_a_choice() {
    let books = freshbooks::Options {
        more_businesses: vec![freshbooks::Business::new(77, "Second Ltd", Some("SbX8r2"))],
        ..freshbooks::Options::default()
    };
    let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
    let mut person = Person::default();
    let row = connect_by_browser(&mut app, &mut person).await;
    assert_eq!((row.status, row.account_id), (Status::Pending, None));
    let query = "query($id: ID!) { connection(id: $id) { freshbooks { businesses { id name currencyCode } } } }";
    let id = global(&app);
    let data = ask(&app, query, json!({ "id": id })).await;
    assert_eq!(data["connection"]["freshbooks"]["businesses"][1]["name"], "Second Ltd");
    let select = "mutation($input: SelectFreshbooksBusinessInput!) { selectFreshbooksBusiness(input: $input) {
        connection { status freshbooks { businessName businesses { id } } } userErrors { field code } } }";
    let of = |business: &str| json!({ "input": { "connectionId": id, "businessId": business } });
    let data = ask(&app, select, of("78")).await;
    assert_eq!(data["selectFreshbooksBusiness"]["userErrors"][0]["code"], "NOT_FOUND");
    let data = ask(&app, select, of("77")).await;
    let connection = &data["selectFreshbooksBusiness"]["connection"];
    assert_eq!(
        (&connection["status"], &connection["freshbooks"]["businessName"]),
        (&json!("ACTIVE"), &json!("Second Ltd"))
    );
    let data = ask(&app, select, of("14700001")).await;
    assert_eq!(data["selectFreshbooksBusiness"]["userErrors"][0]["code"], "TAKEN", "books are not moved");
    app.end().await;
}

#[tokio::test]
async fn a_login_that_may_not_write_is_refused_with_the_reason_and_its_tokens_given_back() {
    for (change, reason) in [("role", "client"), ("subscription", "cancelled"), ("none", "keeps no books")] {
        let mut books = freshbooks::Options::default();
        match change {
            "role" => books.role = "client".to_owned(),
            "subscription" => books.subscription = "cancelled".to_owned(),
            _ => books.role = "client".to_owned(),
        }
        if change == "none" {
            books.more_businesses = vec![freshbooks::Business::new(77, "Bookless Ltd", None)];
        }
        let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
        pending(&mut app).await;
        let landed = Person::default().open(&freshbooks_link(&app).await).await;
        assert_eq!(landed.status, 400, "{}", landed.page);
        assert!(landed.page.contains("NO_BUSINESS") && landed.page.contains(reason), "{}", landed.page);
        assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
        assert_eq!(app.calls().get("Revoke"), Some(&2), "{:?}", app.calls());
        app.end().await;
    }
}

#[tokio::test]
async fn a_connection_stays_with_its_books_whoever_authorizes_again() {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    let row = connect_by_browser(&mut app, &mut person).await;
    use sea_orm::{ColumnTrait, QueryFilter};
    // As if its documents were in the books of another business.
    connection::Entity::update_many()
        .filter(connection::Column::Id.eq(row.id))
        .col_expr(connection::Column::AccountId, "Other1".into())
        .col_expr(connection::Column::BusinessName, "Other Ltd".into())
        .exec(app.app.db.write())
        .await
        .unwrap();
    let before = grant::find(app.app.db.read(), row.id, Platform::Freshbooks).await.unwrap();
    let landed = person.open(&freshbooks_link(&app).await).await;
    assert!(landed.page.contains("ANOTHER_ACCOUNT") && landed.page.contains("Other Ltd"), "{}", landed.page);
    assert_eq!(grant::find(app.app.db.read(), row.id, Platform::Freshbooks).await.unwrap(), before);
    app.database.remove().await;
}

#[tokio::test]
async fn a_person_who_says_no_at_freshbooks_reads_so() {
    let mut app = TestApp::in_world(unconnected()).await;
    pending(&mut app).await;
    let mut person = Person::default();
    let mut callback = person.callback(&freshbooks_link(&app).await).await;
    let state = callback.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    callback.query_pairs_mut().clear().append_pair("error", "access_denied").append_pair("state", &state);
    let landed = person.step(&callback).await.unwrap_err();
    assert!(landed.page.contains("DECLINED"), "{}", landed.page);
    app.end().await;
}

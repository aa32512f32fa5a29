//! `ml-connector audit verify`, as an auditor runs it: with the database and nothing else.

use std::process::{Command, Output};

use sea_orm::ConnectionTrait;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    harness::{SHOP, TestApp, mugs},
    person::global,
};

fn verify(url: &str, arguments: &[&str]) -> Output {
    let directory = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .args(["audit", "verify"])
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .envs([("DATABASE_URL", url), ("MLC_LOG", "off")])
        .output()
        .unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "a database was made");
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

#[tokio::test]
async fn a_trail_that_was_tampered_with_is_told_with_its_first_broken_entry() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    let url = app.database.url.clone();
    let entries = app.trail("#1001").await.last().unwrap().sequence;
    for arguments in [&[][..], &["--connection", SHOP], &["--connection", &global(&app)]] {
        let output = verify(&url, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let line = format!("{SHOP} ({}): {entries} entries, intact", global(&app));
        assert_eq!((text(&output.stdout), text(&output.stderr)), (line.as_str(), ""));
    }
    let unknown = verify(&url, &["--connection", "another.myshopify.com"]);
    assert_eq!((unknown.status.code(), text(&unknown.stdout)), (Some(1), ""));
    assert!(text(&unknown.stderr).contains("there is no connection another.myshopify.com"));

    let intact: String = app.trail("#1001").await[1].message.clone();
    let tampered = app.trail("#1001").await[1].sequence;
    let change = |message: &str| format!("UPDATE audit_entry SET message = '{message}' WHERE sequence = {tampered}");
    app.app.db.write().execute_unprepared(&change("Nothing to see.")).await.unwrap();
    let broken = verify(&url, &[]);
    assert_eq!(broken.status.code(), Some(1));
    let named = format!("broken at entry {tampered}: its content was changed");
    assert!(text(&broken.stdout).ends_with(&named), "{}", text(&broken.stdout));
    assert!(
        text(&broken.stderr).starts_with("error: the audit trail is broken: ")
            && text(&broken.stderr).ends_with(&named)
    );
    let line: Value = serde_json::from_str(text(&verify(&url, &["--json"]).stdout)).unwrap();
    assert_eq!((&line["intact"], &line["firstBroken"]["sequence"]), (&false.into(), &tampered.into()));
    assert_eq!((&line["connectionId"], &line["entries"]), (&global(&app).into(), &Value::Null));

    app.app.db.write().execute_unprepared(&change(&intact.replace('\'', "''"))).await.unwrap();
    app.end().await;
}

#[test]
fn nothing_is_made_where_there_is_no_database() {
    let output = verify("sqlite://ml-connector.db?mode=rwc", &[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
}

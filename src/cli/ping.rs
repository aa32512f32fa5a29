//! `ml-connector ping`: both ends of each connection looked at, and what was found.

use anyhow::{Context, bail};
use clap::builder::NonEmptyStringValueParser;
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use entity::{
    connection::{Model as Connection, Status},
    reference_check::{Model as Check, Outcome},
};
use ml_connector::{app::App, check, clock::Clock, config::Config, connection, graphql, telemetry};
use serde_json::json;

use super::{output, serve};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only this connection, by global id; else all that are not disconnected
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    connection: Option<String>,
    /// One line of JSON for each check, instead of tables
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, args: Args) -> anyhow::Result<()> {
    config.keyring()?;
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    let db = super::beside(&config).await?;
    let app = App::on(db, config, Clock::default())?;
    // Ctrl-C included: what FreshBooks has just answered must be stored.
    serve::stop_on_signal(&app)?;
    let pinged = tokio::select! {
        pinged = ping(&app, &args) => pinged,
        () = app.stop.cancelled() => Err(anyhow::anyhow!("interrupted")),
    };
    // A renewal of a token that was begun is ended.
    app.stopped().await;
    let bad = pinged?;
    if bad > 0 {
        let words = if bad == 1 { "check is not as it should be" } else { "checks are not as they should be" };
        bail!("{bad} {words}");
    }
    Ok(())
}

/// How many checks failed, or found a platform that does not answer.
async fn ping(app: &App, args: &Args) -> anyhow::Result<usize> {
    let all = connection::list(app.db.read(), None).await.context("the connections cannot be read")?;
    let chosen: Vec<Connection> = match &args.connection {
        Some(id) => all.into_iter().filter(|row| graphql::connection_id(row.id) == *id).collect(),
        None => all.into_iter().filter(|row| row.status != Status::Disconnected).collect(),
    };
    if chosen.is_empty() {
        match &args.connection {
            Some(id) => bail!("there is no connection {id}"),
            None => output::note("there is no connection to look at"),
        }
    }
    let mut bad = 0;
    for row in chosen {
        let checks = check::run(app, row.id).await;
        let checks = checks.with_context(|| format!("the connection {} cannot be looked at", row.shop_domain))?;
        let row = connection::load(app.db.read(), row.id).await.context("the connection cannot be read")?;
        bad += checks.iter().filter(|check| is_bad(check)).count();
        if args.json {
            checks.iter().try_for_each(|check| output::line(&line(&row, check)))?;
        } else {
            output::line(&table(&row, &checks))?;
        }
    }
    Ok(bad)
}

/// What a token is unknown for is a platform that does not answer.
fn is_bad(check: &Check) -> bool {
    check.outcome == Outcome::Failed || (check.outcome == Outcome::Unknown && check.name.ends_with("Token"))
}

fn line(row: &Connection, check: &Check) -> String {
    json!({
        "connectionId": graphql::connection_id(row.id),
        "shopDomain": row.shop_domain,
        "status": graphql::connection_status(row.status),
        "name": check.name,
        "outcome": word(check.outcome),
        "detail": check.detail,
        "hint": check.hint,
        "checkedAt": check.checked_at,
    })
    .to_string()
}

fn table(row: &Connection, checks: &[Check]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Check", "Outcome", "Found", "What to do"]);
    for check in checks {
        table.add_row([check.name.as_str(), word(check.outcome), &check.detail, &check.hint]);
    }
    let status = graphql::connection_status(row.status);
    format!("{} ({}, {}): {status}\n{table}", row.name, row.shop_domain, graphql::connection_id(row.id))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Warning => "WARNING",
        Outcome::Failed => "FAILED",
        Outcome::Unknown => "UNKNOWN",
    }
}

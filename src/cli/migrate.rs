//! `ml-connector migrate`: the schema as this version needs it.

use anyhow::Context;
use ml_connector::{config::Config, db::Db, telemetry};
use secrecy::ExposeSecret;

use super::output;

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    let shown = config.database_shown();
    let db = Db::connect(config.database_url.expose_secret())
        .await
        .with_context(|| format!("cannot connect to the database {shown}"))?;
    db.migrate().await.with_context(|| format!("cannot migrate the database {shown}"))?;
    output::line(&format!("the schema of {shown} is up to date"))
}

//! `ml-connector rotate-keys`: everything stored under another key than the first is sealed anew.

use anyhow::Context;
use ml_connector::{app::App, clock::Clock, config::Config, rotate, telemetry};

use super::output;

pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let keyring = config.keyring()?;
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    let shown = config.database_shown();
    let app = App::new(config, Clock::default()).await.with_context(|| format!("cannot work on {shown}"))?;
    let rotate::Rotated { grants, customer_keys, requests, callbacks } = rotate::run(&app).await?;
    let mut ids = keyring.ids();
    let first = ids.next().unwrap_or_default();
    let others: Vec<&str> = ids.collect();
    output::line(&format!(
        "{grants} grants, {customer_keys} customers' keys, {requests} requests and {callbacks} callbacks' secrets were sealed anew under the key `{first}`; nothing is sealed under another one"
    ))?;
    if !others.is_empty() {
        output::note(&format!(
            "Once every process runs with `{first}` in front, and none has started with another one in front since, these can go from \
             MLC_ENCRYPTION_KEYS: {}. Links to authorize FreshBooks that were sent before are sealed under the old key and end with it; \
             authorizeFreshbooks gives new ones, and no link lives longer than 30 days.",
            others.join(", ")
        ));
    }
    Ok(())
}

//! `ml-connector serve`: the service itself.

use anyhow::Context;
use ml_connector::{
    app::{App, Role},
    auth::Verifier,
    clock::Clock,
    config::Config,
    telemetry,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(clap::Args, Default)]
pub(super) struct Args {
    /// Which part of the work this process does, to split it over machines
    #[arg(long, value_enum, default_value_t)]
    role: Role,
}

pub(super) async fn run(config: Config, args: Args) -> anyhow::Result<()> {
    // What only a person can mend is told before anything is touched.
    config.keyring()?;
    let verifier = Verifier::from_config(&config)?;
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let (public_url, database) = (config.public_url.clone(), config.database_shown());
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {} (MLC_LISTEN)", config.listen))?;
    let listen = listener.local_addr().context("the listener has no address")?;
    let app = App::new(config, Clock::default()).await.with_context(|| format!("cannot start on {database}"))?;
    stop_on_signal(&app)?;
    tracing::info!(%listen, %public_url, database, role = ?args.role, "ml-connector serves on {listen}");
    app.serve(args.role, listener, verifier).await.context("the service ended")
}

/// SIGTERM and Ctrl-C stop the app: a write in flight is finished, or left as an intent that the next start looks up.
pub(super) fn stop_on_signal(app: &App) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let stop = app.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}

//! Parses the command line, runs one command, and turns its end into an exit code: 0 done, 1 failed, 2 not meant like that.
//!
//! The commands are thin: each reads its arguments, calls the library and prints. What they print goes to stdout, everything said about
//! it to stderr.

mod audit;
mod keygen;
mod migrate;
mod output;
mod ping;
mod rotate_keys;
mod sandbox;
mod schema;
mod serve;
mod token;

use std::{error::Error as StdError, io::ErrorKind, process::ExitCode};

use anyhow::{Context, bail};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use ml_connector::{
    app,
    config::{self, Config, Settings},
    db::Db,
};
use secrecy::ExposeSecret;

/// Turns Shopify orders into FreshBooks invoices, payments and refunds: to the cent, exactly once, provably.
///
/// Settings are read from the environment, from `.env` in the working directory, or from the flag of the same name (--help lists them).
#[derive(Parser)]
#[command(name = "ml-connector", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs migrations, the HTTP server, the scheduler and the sync workers (the default)
    Serve(serve::Args),
    /// Brings the database schema up to date
    Migrate,
    /// Prints the GraphQL schema
    Schema,
    /// Prints a signed admin token
    Token(token::Args),
    /// Prints a fresh key for MLC_ENCRYPTION_KEYS
    Keygen,
    /// Seals every stored secret anew under the first of MLC_ENCRYPTION_KEYS
    RotateKeys,
    /// The audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Asks Shopify and FreshBooks whether all is as it should be, with the stored credentials; 1 when something is not
    Ping(ping::Args),
    /// Shows it all at once: simulated Shopify and FreshBooks, a sample store, its orders, their invoices
    Sandbox(sandbox::Args),
}

/// The whole program.
pub(crate) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(if error.chain().any(is_usage) { 2 } else { 1 })
        }
    }
}

fn run() -> anyhow::Result<()> {
    load_dotenv()?; // before any thread is started: it changes the environment
    let Cli { settings, command } = parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The future of a whole visit is large in a debug build. Address space only: what is not used is not there.
        .thread_stack_size(8 * 1024 * 1024)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match command.unwrap_or_else(|| Command::Serve(serve::Args::default())) {
            Command::Serve(args) => serve::run(Config::read(settings)?, args).await,
            Command::Migrate => migrate::run(&Config::read(settings)?).await,
            Command::Token(args) => token::run(&Config::read(settings)?, args).await,
            Command::Schema => schema::run(),
            Command::Keygen => keygen::run(),
            Command::RotateKeys => rotate_keys::run(Config::read(settings)?).await,
            Command::Audit(command) => audit::run(&Config::read(settings)?, command).await,
            Command::Ping(args) => ping::run(Config::read(settings)?, args).await,
            Command::Sandbox(args) => sandbox::run(settings, args).await,
        }
    })
}

/// Exits for `--help`, `--version` and a command line that does not parse.
fn parse() -> Cli {
    let command = Cli::command().mut_args(|argument| {
        // A setting may stand after the command as well, and `-h` is short without them.
        if argument.get_env().is_some() { argument.global(true).hide_short_help(true) } else { argument }
    });
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// Variables that are set already win over the file.
fn load_dotenv() -> Result<(), config::Error> {
    let wrong = |reason: String| Err(config::Error::new(".env", reason));
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::Io(error)) => wrong(format!("it cannot be read: {error}")),
        // The library would print the line, and such lines hold secrets.
        Err(dotenvy::Error::LineParse(line, _)) => match line.split_once('=') {
            Some((name, _)) => wrong(format!("the value of {} cannot be read: does it need quotes?", name.trim())),
            None => wrong("a line is not of the form NAME=value".to_owned()),
        },
        Err(_) => wrong("it cannot be read".to_owned()),
    }
}

fn is_usage(cause: &(dyn StdError + 'static)) -> bool {
    cause.is::<config::Error>() || matches!(cause.downcast_ref(), Some(app::Error::Config(_)))
}

/// The database of a service that may be running: nothing is created or migrated.
async fn beside(config: &Config) -> anyhow::Result<Db> {
    let shown = config.database_shown();
    let url = config.database_url.expose_secret().replace("mode=rwc", "mode=rw");
    let db = Db::connect(&url).await.with_context(|| format!("cannot connect to the database {shown}"))?;
    if !db.is_current().await.with_context(|| format!("cannot read the schema of the database {shown}"))? {
        bail!("the schema of the database {shown} is not up to date: run `ml-connector migrate`");
    }
    Ok(db)
}

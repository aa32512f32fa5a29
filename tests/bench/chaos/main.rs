//! The chaos run: a shop's busy days between two platforms that fail, through a service that is killed all the time.
//!
//! `cargo bench --bench chaos`: 2,000 orders of every kind are placed, paid, refunded, edited and cancelled. Shopify tells of it by
//! webhooks: a fifth of them twice, all of them shuffled over some seconds, so that old news come after new ones; what is not answered 200
//! is sent again. Of the calls to either platform 10 % are answered with a 5xx (half of them after they took effect), 5 % take effect and
//! the connection breaks before the answer, 5 % are throttled. Access tokens live for 30 s. Every 3 s a process of the service is killed
//! (`kill -9`) and started anew: the one on SQLite, one of three replicas on PostgreSQL (where `TEST_DATABASE_URL` names a server). It
//! goes on like that until nothing is due any more.
//!
//! Then the books are compared, from the platforms' side: an order lost, anything doubled, a cent of difference, an order that is left
//! undone, or a broken audit chain fails the run with exit code 1. The logs of the service are kept then.
//!
//! `cargo bench --bench chaos -- --help` lists what can be had otherwise. The optimised build takes its time; for a small run
//! `cargo bench --profile dev --bench chaos -- --orders 60` uses what the tests were built with.
//!
//! What to know of the figures:
//! - The retry ladder runs at a hundredth of its waits (`MLC_RETRY_SCALE=0.01`): hours would become a day otherwise.
//! - The token endpoint of FreshBooks fails before its effect only: its answer lost is an authorization lost, by that platform's rules. A
//!   kill may lose it all the same; a person is then simulated who authorizes again, and counted. Shopify's gives lost answers again, and
//!   fails like everything else.
//! - A recovery is the time from a kill until an order that was leased at that moment has been visited to the end of a visit. Which
//!   process held it nobody can tell from outside, so all of them count. What a dead process
//!   held stays leased for 15 s, since the others cannot know that it is dead; a document that it was writing for 45 s, since the call may
//!   be carried out yet. Whoever takes it up may be the next to be killed.
//! - `--seed` replays what happens in the shop, which calls fail in order of their coming, and who is killed. When each call comes is up to
//!   the machine.

mod audit;
mod database;
mod fleet;
mod post;
mod report;
mod run;
mod story;
mod watch;
mod world;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use ml_connector::mapping::settings;

use self::database::Database;

/// The chaos run; see the head of tests/bench/chaos/main.rs.
#[derive(Clone, Parser)]
#[command(name = "chaos")]
struct Args {
    /// How many orders are placed
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// Replays the story and the faults of an earlier run; any number unless said
    #[arg(long)]
    seed: Option<u64>,
    /// Where the service keeps what it knows
    #[arg(long, value_enum, default_value_t = Kind::Both)]
    database: Kind,
    /// How many processes there are on PostgreSQL
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    replicas: u16,
    /// Seconds between two kills; never when 0
    #[arg(long, default_value_t = 3)]
    kill_every: u64,
    /// Of a hundred calls, how many are answered with a 5xx
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=30))]
    errors: u32,
    /// Of a hundred calls, how many take effect and are never answered
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=30))]
    lost: u32,
    /// Of a hundred calls, how many are throttled
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=30))]
    throttled: u32,
    /// Of a hundred webhooks, how many come twice
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(..=100))]
    doubled: u32,
    /// Seconds that an access token lives
    #[arg(long, default_value_t = 30)]
    tokens: u32,
    /// How the connection records refunds
    #[arg(long, value_enum, default_value_t = Refunds::Adjust)]
    refunds: Refunds,
    /// How much happens in the shop in a second
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    pace: u32,
    /// Seconds that the service has for the rest once nothing happens any more
    #[arg(long, default_value_t = 900)]
    patience: u64,
    /// What the service logs, as MLC_LOG
    #[arg(long, default_value = "warn")]
    log: String,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A file, and one process.
    Sqlite,
    /// The server of TEST_DATABASE_URL, and several.
    Postgres,
    /// One after the other.
    Both,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Refunds {
    /// The payment is lowered, the invoice gets negative lines.
    Adjust,
    /// Each becomes a credit note.
    CreditNote,
}

impl From<Refunds> for settings::Refunds {
    fn from(refunds: Refunds) -> Self {
        match refunds {
            Refunds::Adjust => Self::Adjust,
            Refunds::CreditNote => Self::CreditNote,
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(rand::random);
    match all(&args, seed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#} (seed {seed})"));
            ExitCode::FAILURE
        }
    }
}

fn all(args: &Args, seed: u64) -> anyhow::Result<bool> {
    let server = std::env::var("TEST_DATABASE_URL").ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut agreed = true;
        if args.database != Kind::Postgres {
            agreed &= on("SQLite", Database::file()?, 1, args, seed).await?;
        }
        match server {
            _ if args.database == Kind::Sqlite => {}
            Some(server) => {
                let replicas = usize::from(args.replicas);
                agreed &= on("PostgreSQL", Database::on(&server).await?, replicas, args, seed).await?;
            }
            None if args.database == Kind::Postgres => anyhow::bail!("TEST_DATABASE_URL names no server"),
            None => say("PostgreSQL: left out, TEST_DATABASE_URL is not set"),
        }
        Ok(agreed)
    })
}

/// One run; whether everything agreed in the end.
async fn on(name: &str, database: Database, processes: usize, args: &Args, seed: u64) -> anyhow::Result<bool> {
    say(&format!("{name}: {} orders, {processes} process(es), seed {seed}", args.orders));
    let began = Instant::now();
    let world = world::World::begin(database, args).await.context("the world does not begin")?;
    let ended = run::run(&world, processes, args, seed).await;
    let agreed = match ended {
        Ok(ran) => {
            let audit = audit::audit(&world).await?;
            say(&report::table(name, args.orders, &world, &ran, &audit, began.elapsed()));
            let wrong: Vec<&String> = audit.disagreements().chain(&ran.post.wrong).collect();
            wrong.iter().take(20).for_each(|line| say(&format!("  {line}")));
            wrong.is_empty()
        }
        Err(error) => {
            say(&format!("{name}: {error:#}"));
            false
        }
    };
    if let Some(logs) = world.end(agreed).await? {
        say(&format!("{name}: seed {seed}; the logs of the service are in {}", logs.display()));
    }
    Ok(agreed)
}

/// Between two looks at what goes on.
const LOOK: Duration = Duration::from_millis(100);

#[expect(clippy::print_stdout, reason = "what a bench is for")]
fn say(line: &str) {
    println!("{line}");
}

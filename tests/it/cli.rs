//! The binary as an operator meets it: what it prints, where, and how it ends.

use std::{
    net::TcpListener,
    process::{Command, Output},
};

use ml_connector::{
    auth::{Role, Verifier},
    clock::Clock,
    config::Config,
    crypto::Keyring,
};
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Runs the binary in an empty directory with these settings and nothing else.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let directory = TempDir::new().unwrap();
    run_in(&directory, arguments, settings)
}

fn run_in(directory: &TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ml-connector"))
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The one line that says why: everything else on stderr is a cause below it, or the log.
fn reason(output: &Output) -> &str {
    let mut reasons = stderr(output).lines().filter(|line| line.starts_with("error: "));
    let reason = reasons.next().unwrap_or_else(|| panic!("no reason in:\n{}", stderr(output)));
    assert_eq!(reasons.next(), None);
    reason
}

fn assert_usage(output: &Output, variable: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert!(reason(output).starts_with(&format!("error: {variable}: ")), "{}", stderr(output));
    assert_eq!(stdout(output), "");
}

#[test]
fn keygen_prints_a_key_that_parses_and_nothing_else_on_stdout() {
    let (one, other) = (run(&["keygen"], &[]), run(&["keygen"], &[]));
    assert_eq!(one.status.code(), Some(0));
    assert_eq!(stdout(&one).lines().count(), 1);
    let both = format!("{},{}", stdout(&one).trim_end(), stdout(&other).trim_end());
    Keyring::parse(&both.into()).unwrap();
    assert!(stderr(&one).contains("rotate"));
}

#[test]
fn the_sandbox_refuses_a_database_that_holds_real_connections() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("real.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        use sea_orm::ConnectionTrait;
        let db = ml_connector::db::Db::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        let real = "INSERT INTO connection (name, shop_domain, status, settings, rounding_rules, salt, created_at, updated_at)
            VALUES ('Real', 'real-shop.myshopify.com', 'active', '{}', 15, '', '2026-11-01T00:00:00+00:00', '2026-11-01T00:00:00+00:00')";
        db.write().execute_unprepared(real).await.unwrap();
    });
    let output = run(&["sandbox", "--once"], &[("DATABASE_URL", &url)]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(reason(&output).contains("real connections") || stderr(&output).contains("real connections"));
}

#[test]
fn token_prints_a_token_that_the_service_takes() {
    let arguments = ["token", "--role", "support", "--subject", "alice", "--connection", "one", "--connection", "two"];
    let output = run(&arguments, &[("MLC_JWT_SECRET", SECRET)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let config = Config { jwt_secret: Some(SECRET.into()), ..Config::default() };
    let now = Clock::default().now();
    let (verifier, token) = (Verifier::from_config(&config).unwrap(), stdout(&output));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let principal = runtime.block_on(verifier.verify(token.trim_end(), now)).unwrap();
    assert_eq!((principal.subject.as_str(), principal.role), ("alice", Role::Support));
    assert_eq!(principal.connections, Some(vec!["one".to_owned(), "two".to_owned()]));
}

#[test]
fn a_bad_role_or_time_is_bad_usage() {
    for arguments in [&["token", "--role", "root"][..], &["token", "--role", "admin", "--ttl", "soon"], &["token"]] {
        let output = run(arguments, &[("MLC_JWT_SECRET", SECRET)]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_missing_or_short_secret_is_named() {
    let provider = [
        ("MLC_JWT_JWKS_URL", "https://id.example.com/keys"),
        ("MLC_JWT_ISSUER", "https://id.example.com/"),
        ("MLC_JWT_AUDIENCE", "ml-connector"),
    ];
    assert_usage(&run(&["token", "--role", "admin"], &provider), "MLC_JWT_SECRET");
    assert_usage(&run(&["token", "--role", "admin"], &provider[..2]), "MLC_JWT_AUDIENCE");
    assert_usage(&run(&["token", "--role", "admin"], &[]), "MLC_JWT_SECRET");
    let output = run(&["token", "--role", "admin"], &[("MLC_JWT_SECRET", "tooshort")]);
    assert_usage(&output, "MLC_JWT_SECRET");
    assert!(!stderr(&output).contains("tooshort"));
}

#[test]
fn migrate_says_so_and_may_run_again() {
    let directory = TempDir::new().unwrap();
    for _ in 0..2 {
        let output = run_in(&directory, &["migrate"], &[("MLC_LOG", "warn")]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stdout(&output), "the schema of sqlite://ml-connector.db?mode=rwc is up to date\n");
    }
    assert!(directory.path().join("ml-connector.db").exists());
}

#[test]
fn settings_come_from_the_flag_then_the_environment_then_the_file() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(".env"), "MLC_WORKERS=from-the-file\n").unwrap();
    assert!(reason(&run_in(&directory, &["migrate"], &[])).contains("from-the-file"));
    let environment = [("MLC_WORKERS", "from-the-environment")];
    assert!(reason(&run_in(&directory, &["migrate"], &environment)).contains("from-the-environment"));
    for arguments in [["--workers", "from-the-flag", "migrate"], ["migrate", "--mlc-workers", "from-the-flag"]] {
        assert!(reason(&run_in(&directory, &arguments, &environment)).contains("from-the-flag"));
    }
}

#[test]
fn a_broken_dotenv_file_is_told_without_its_secrets() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(".env"), "MLC_JWT_SECRET=\"hunter2hunter2\n").unwrap();
    let output = run_in(&directory, &["migrate"], &[]);
    assert_usage(&output, ".env");
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn no_help_shows_a_secret_of_the_environment() {
    let secrets = ["DATABASE_URL", "MLC_ENCRYPTION_KEYS", "MLC_JWT_SECRET", "MLC_SHOPIFY_CLIENT_SECRET"];
    let secrets = secrets.into_iter().chain(["MLC_FRESHBOOKS_CLIENT_SECRET", "MLC_ALERT_WEBHOOK_URL"]);
    let settings: Vec<_> =
        secrets.chain(["MLC_ALERT_WEBHOOK_SECRET", "MLC_SMTP_URL"]).map(|s| (s, "hunter2")).collect();
    for arguments in [&["--help"][..], &["token", "--help"], &["migrate"]] {
        let output = run(arguments, &settings);
        assert!(!stdout(&output).contains("hunter2") && !stderr(&output).contains("hunter2"));
    }
}

/// Nobody can be reached there: bound, never accepted from, closed again.
fn assert_unreachable(command: &str) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://mlc:hunter2@127.0.0.1:{port}/books");
    let settings = [("DATABASE_URL", url.as_str()), ("MLC_ENCRYPTION_KEYS", KEYS), ("MLC_JWT_SECRET", SECRET)];
    let output = run(&[command], &[&settings[..], &[("MLC_LISTEN", "127.0.0.1:0")]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(reason(&output).contains(&format!("127.0.0.1:{port}/books")), "{}", stderr(&output));
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn migrate_tells_an_unreachable_database_without_its_password() {
    assert_unreachable("migrate");
}

#[test]
fn serve_tells_an_unreachable_database_without_its_password() {
    assert_unreachable("serve");
}

#[test]
fn ping_makes_no_database_and_migrates_none() {
    let directory = TempDir::new().unwrap();
    let settings = [("MLC_ENCRYPTION_KEYS", KEYS), ("MLC_LOG", "off")];
    let output = run_in(&directory, &["ping"], &settings);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

    std::fs::File::create(directory.path().join("ml-connector.db")).unwrap();
    let output = run_in(&directory, &["ping"], &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(reason(&output).contains("ml-connector migrate"), "{}", stderr(&output));

    assert_eq!(run_in(&directory, &["migrate"], &[("MLC_LOG", "off")]).status.code(), Some(0));
    let output = run_in(&directory, &["ping"], &settings);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!((stdout(&output), stderr(&output).contains("no connection")), ("", true));
    assert_usage(&run(&["ping"], &[]), "MLC_ENCRYPTION_KEYS");
}

#[test]
fn serve_needs_keys_and_says_where_they_come_from() {
    for arguments in [&["serve"][..], &[]] {
        let output = run(arguments, &[("MLC_JWT_SECRET", SECRET)]);
        assert_usage(&output, "MLC_ENCRYPTION_KEYS");
        assert!(reason(&output).contains("ml-connector keygen"));
    }
}

#[test]
fn serve_does_not_repeat_a_malformed_key() {
    let output = run(&["serve"], &[("MLC_JWT_SECRET", SECRET), ("MLC_ENCRYPTION_KEYS", "k1:aHVudGVyMg==")]);
    assert_usage(&output, "MLC_ENCRYPTION_KEYS");
    assert!(!stderr(&output).contains("aHVudGVyMg"));
}

#[test]
fn serve_refuses_a_bad_address() {
    assert_usage(&run(&["serve"], &[("MLC_LISTEN", "localhost")]), "MLC_LISTEN");
}

#[test]
fn serve_fails_when_the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = [("MLC_ENCRYPTION_KEYS", KEYS), ("MLC_JWT_SECRET", SECRET), ("MLC_LISTEN", address.as_str())];
    let output = run(&["serve"], &settings);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(reason(&output).contains(&address));
}

use clap::{Args, Command};

use super::*;

fn read(change: impl FnOnce(&mut Settings)) -> Result<Config, Error> {
    let mut settings = Settings::default();
    change(&mut settings);
    Config::read(settings)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn an_empty_environment_means_the_defaults() {
    let config = Config::default();
    assert_eq!(config.database_shown(), "sqlite://ml-connector.db?mode=rwc");
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.shopify_base("name.myshopify.com"), "https://name.myshopify.com");
    assert_eq!(
        config.freshbooks_url.join("auth/oauth/token").unwrap().as_str(),
        "https://api.freshbooks.com/auth/oauth/token"
    );
    assert_eq!((config.workers, config.retention_days, config.retry_scale), (8, 90, Decimal::ONE));
    assert_eq!(config.shopify_scopes, ["read_orders", "read_all_orders", "read_customers"]);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let config = read(|given| {
        given.listen = some("");
        given.workers = some("  ");
        given.database_url = Some("".into());
        given.jwt_secret = Some("".into());
        given.shopify_client_secret = Some("".into());
        given.otlp_endpoint = some("");
    })
    .unwrap();
    assert_eq!((config.listen.port(), config.workers), (8080, 8));
    assert!(config.jwt_secret.is_none() && config.shopify_client_secrets.is_empty() && config.otlp_endpoint.is_none());
}

#[test]
fn the_public_url_follows_the_listen_address() {
    let config = read(|given| given.listen = some("127.0.0.1:9000")).unwrap();
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:9000/");
    assert!(config.warnings().iter().any(|warning| warning.contains("MLC_PUBLIC_URL")));
    let config = read(|given| given.public_url = some("https://books.example.com/mlc")).unwrap();
    assert_eq!(config.public_url.join("oauth/x").unwrap().as_str(), "https://books.example.com/mlc/oauth/x");
    assert!(!config.warnings().iter().any(|warning| warning.contains("MLC_PUBLIC_URL")));
}

#[test]
fn a_setting_that_has_no_effect_yet_is_told_to_whoever_sets_it() {
    let quiet = read(|given| given.public_url = some("https://books.example.com")).unwrap();
    assert_eq!(quiet.warnings(), Vec::<String>::new());
    let relied_on = read(|given| given.reconcile_cron = some("0 0 4 * * *")).unwrap();
    assert!(
        relied_on.warnings().iter().any(|warning| warning.starts_with("MLC_RECONCILE_CRON is set and has no effect"))
    );
    let kept = read(|given| {
        given.public_url = some("https://books.example.com");
        given.retention_days = some("30");
    });
    assert_eq!(kept.unwrap().warnings(), Vec::<String>::new());
    let nobody = read(|given| given.alert_digest_cron = some("0 0 7 * * *")).unwrap();
    assert!(nobody.warnings().iter().any(|warning| warning.contains("MLC_ALERT_DIGEST_CRON is set, but neither")));
    let somebody = read(|given| {
        given.public_url = some("https://books.example.com");
        given.alert_digest_cron = some("0 0 7 * * *");
        given.alert_webhook_url = Some("https://hooks.example.com/x".into());
    });
    assert_eq!(somebody.unwrap().warnings(), Vec::<String>::new());
}

#[test]
fn proxies_are_addresses_or_ranges() {
    let config = read(|given| given.trusted_proxies = some("10.0.0.0/8, ::1,192.0.2.7")).unwrap();
    let shown: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]);
    assert!(Config::default().trusted_proxies.is_empty());
}

type Change = fn(&mut Settings);

#[test]
fn a_wrong_value_is_named_with_its_variable() {
    let cases: &[(&str, &str, Change)] = &[
        ("DATABASE_URL", "neither", |s| s.database_url = Some("mysql://x".into())),
        ("MLC_LISTEN", "8080x", |s| s.listen = some("8080x")),
        ("MLC_PUBLIC_URL", "ftp", |s| s.public_url = some("ftp://x")),
        ("MLC_PUBLIC_URL", "query", |s| s.public_url = some("https://x.example?a=b")),
        ("MLC_TRUSTED_PROXIES", "neither", |s| s.trusted_proxies = some("10.0.0.1, proxy.example.com")),
        ("MLC_TRUSTED_PROXIES", "everybody", |s| s.trusted_proxies = some("::/0")),
        ("MLC_SHOPIFY_CLIENT_ID", "not set", |s| s.shopify_client_secret = Some("x".into())),
        ("MLC_FRESHBOOKS_CLIENT_SECRET", "not set", |s| s.freshbooks_client_id = some("x")),
        ("MLC_SHOPIFY_SCOPES", "READ", |s| s.shopify_scopes = some("READ,x")),
        ("MLC_SHOPIFY_API_VERSION", "2026", |s| s.shopify_api_version = some("2026/10")),
        ("MLC_SHOPIFY_URL", "{shop}", |s| s.shopify_url = some("{shop}")),
        ("MLC_PULL_CRON", "six fields", |s| s.pull_cron = some("*/5 * * * *")),
        ("MLC_RECONCILE_CRON", "six fields", |s| s.reconcile_cron = some("0 99 3 * * *")),
        ("MLC_WORKERS", "1 to 256", |s| s.workers = some("0")),
        ("MLC_WORKERS", "1 to 256", |s| s.workers = some("many")),
        ("MLC_RETENTION_DAYS", "number", |s| s.retention_days = some("-1")),
        ("MLC_RETRY_SCALE", "number", |s| s.retry_scale = some("-0.5")),
        ("MLC_LOG", "filter", |s| s.log = some("a=b=c")),
        ("MLC_LOG_FORMAT", "xml", |s| s.log_format = some("xml")),
        ("MLC_ALERT_DIGEST_CRON", "six fields", |s| s.alert_digest_cron = some("0 7 * * *")),
        ("MLC_SMTP_URL", "required", |s| s.smtp_url = Some("smtp://mail.example.com?tls=maybe".into())),
        ("MLC_ALERT_FROM", "@example.com", |s| {
            s.smtp_url = Some("smtp://mail.example.com?tls=required".into());
            s.alert_from = some("@example.com");
            s.alert_to = some("a@example.com");
        }),
        ("MLC_ALERT_TO", "not set", |s| {
            s.smtp_url = Some("smtp://mail.example.com".into());
            s.alert_from = some("a@example.com");
        }),
    ];
    for (variable, says, change) in cases {
        let error = read(change).unwrap_err();
        assert_eq!(error.variable(), *variable);
        assert!(error.to_string().starts_with(&format!("{variable}: ")) && error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_secret_is_never_repeated() {
    let word = "hunter2hunter2";
    let cases: &[Change] = &[
        |s| s.database_url = Some("mysql://u:hunter2hunter2@h/d".into()),
        |s| s.database_url = Some("postgres://u:hunter2hunter2@h:x/d".into()),
        |s| s.alert_webhook_url = Some("hunter2hunter2".into()),
        |s| s.smtp_url = Some("https://hunter2hunter2@mail.example.com".into()),
    ];
    for change in cases {
        assert!(!read(change).unwrap_err().to_string().contains(word));
    }
    let config = read(|s| {
        s.database_url = Some("postgres://u:hunter2hunter2@h/d?password=hunter2hunter2".into());
        s.encryption_keys = Some("a:hunter2hunter2".into());
        s.jwt_secret = Some("hunter2hunter2".into());
    })
    .unwrap();
    assert_eq!(config.database_shown(), "postgres://u:***@h/d");
    let error = config.keyring().unwrap_err();
    assert_eq!(error.variable(), "MLC_ENCRYPTION_KEYS");
    assert!(!error.to_string().contains(word) && !format!("{config:?}").contains(word));
}

#[test]
fn no_keys_names_the_variable_and_the_way_out() {
    let error = Config::default().keyring().unwrap_err().to_string();
    assert!(error.starts_with("MLC_ENCRYPTION_KEYS: ") && error.contains("ml-connector keygen"), "{error}");
}

#[test]
fn secrets_in_rotation_are_a_list() {
    let config = read(|given| {
        given.shopify_client_id = some("id");
        given.shopify_client_secret = Some("new, old".into());
    })
    .unwrap();
    let secrets: Vec<_> = config.shopify_client_secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["new", "old"]);
}

#[test]
fn waits_scale_without_rounding_away() {
    let at = |scale: &str| read(|given| given.retry_scale = some(scale)).unwrap().scaled(TimeDelta::seconds(5));
    assert_eq!(at("1.0"), TimeDelta::seconds(5));
    assert_eq!(at("0.001"), TimeDelta::milliseconds(5));
    assert_eq!(at("0"), TimeDelta::zero());
    assert_eq!(at("2.5"), TimeDelta::milliseconds(12_500));
}

/// `.env.example` as the help has it.
fn example() -> String {
    let mut lines = vec![
        "# Settings of ml-connector: copy this file to `.env` and uncomment what you change.".to_owned(),
        "# What is commented shows the default, where there is one. An empty value counts as unset.".to_owned(),
    ];
    for argument in Settings::augment_args(Command::new("ml-connector")).get_arguments() {
        let help = argument.get_help().unwrap().to_string();
        let variable = argument.get_env().unwrap().to_str().unwrap();
        let default = argument.get_default_values().first().map_or("", |value| value.to_str().unwrap());
        let quote = if default.contains(' ') { "\"" } else { "" };
        lines.push(format!("\n# {help}\n#{variable}={quote}{default}{quote}"));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_example_file_says_what_the_help_says() {
    let expected = example();
    let found = std::fs::read_to_string(".env.example").unwrap_or_default();
    assert!(found == expected, ".env.example is stale; it should read:\n{expected}");
}

#[test]
fn the_example_file_reads_as_the_defaults() {
    let uncommented = example().replace("\n#MLC", "\nMLC").replace("\n#DATABASE", "\nDATABASE");
    let pairs: Vec<_> = dotenvy::from_read_iter(uncommented.as_bytes()).map(Result::unwrap).collect();
    let cron = pairs.iter().find(|(name, _)| name == "MLC_PULL_CRON").unwrap();
    assert_eq!(cron.1, Config::default().pull_cron);
}

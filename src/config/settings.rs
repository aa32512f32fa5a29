//! Every setting as the command line and the environment spell it: name, default, one line of help.
//!
//! Raw text only. What a value may be is [`super::Config::read`]'s business, so that an empty variable counts as unset and every
//! complaint names the variable. `.env.example` repeats these lines; a test holds it to them.

use clap::Args;
use secrecy::SecretString;

/// The text that stands in for a setting nobody made.
pub(super) mod default {
    pub(crate) const DATABASE_URL: &str = "sqlite://ml-connector.db?mode=rwc";
    pub(crate) const LISTEN: &str = "127.0.0.1:8080";
    pub(crate) const JWT_ROLE_CLAIM: &str = "role";
    pub(crate) const JWT_CONNECTIONS_CLAIM: &str = "connections";
    pub(crate) const SHOPIFY_SCOPES: &str = "read_orders,read_all_orders,read_customers";
    pub(crate) const SHOPIFY_API_VERSION: &str = "2026-10";
    pub(crate) const SHOPIFY_URL: &str = "https://{shop}";
    pub(crate) const FRESHBOOKS_URL: &str = "https://api.freshbooks.com";
    pub(crate) const FRESHBOOKS_AUTH_URL: &str = "https://auth.freshbooks.com/oauth/authorize";
    pub(crate) const PULL_CRON: &str = "0 */15 * * * *";
    pub(crate) const RECONCILE_CRON: &str = "0 30 3 * * *";
    pub(crate) const WORKERS: &str = "8";
    pub(crate) const RETENTION_DAYS: &str = "90";
    pub(crate) const RETRY_SCALE: &str = "1.0";
    pub(crate) const LOG: &str = "info";
    pub(crate) const LOG_FORMAT: &str = "pretty";
}

/// What was given, unread. Each line of help stands in `.env.example` too.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub struct Settings {
    /// Where orders, links and the audit trail are kept: `sqlite:`, or `postgres:` for several replicas
    #[arg(long, env = "DATABASE_URL", default_value = default::DATABASE_URL, hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Address of the HTTP server
    #[arg(long, alias = "mlc-listen", env = "MLC_LISTEN", default_value = default::LISTEN)]
    pub listen: Option<String>,
    /// URL under which browsers, Shopify and FreshBooks reach this service [default: http:// + listen address]
    #[arg(long, alias = "mlc-public-url", env = "MLC_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed: addresses or CIDR ranges, comma separated
    #[arg(long, alias = "mlc-trusted-proxies", env = "MLC_TRUSTED_PROXIES")]
    pub trusted_proxies: Option<String>,
    /// Keys of the stored secrets, `id:base64(32 bytes)`, comma separated: the first encrypts, all decrypt
    #[arg(long, alias = "mlc-encryption-keys", env = "MLC_ENCRYPTION_KEYS", hide_env_values = true)]
    pub encryption_keys: Option<SecretString>,

    /// HS256 secret of the admin tokens, at least 32 bytes
    #[arg(long, alias = "mlc-jwt-secret", env = "MLC_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,
    /// Key set (JWKS) of an identity provider whose tokens are accepted, an https address
    #[arg(long, alias = "mlc-jwt-jwks-url", env = "MLC_JWT_JWKS_URL")]
    pub jwt_jwks_url: Option<String>,
    /// Issuer that a token must name; needed with MLC_JWT_JWKS_URL
    #[arg(long, alias = "mlc-jwt-issuer", env = "MLC_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,
    /// Audience that a token must name; needed with MLC_JWT_JWKS_URL
    #[arg(long, alias = "mlc-jwt-audience", env = "MLC_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,
    /// Claim that holds the role: viewer, support or admin
    #[arg(long, alias = "mlc-jwt-role-claim", env = "MLC_JWT_ROLE_CLAIM", default_value = default::JWT_ROLE_CLAIM)]
    pub jwt_role_claim: Option<String>,
    /// Claim that lists the connections a token is limited to
    #[arg(
        long,
        alias = "mlc-jwt-connections-claim",
        env = "MLC_JWT_CONNECTIONS_CLAIM",
        default_value = default::JWT_CONNECTIONS_CLAIM
    )]
    pub jwt_connections_claim: Option<String>,

    /// Client id of the Shopify app
    #[arg(long, alias = "mlc-shopify-client-id", env = "MLC_SHOPIFY_CLIENT_ID")]
    pub shopify_client_id: Option<String>,
    /// Client secret of the Shopify app, which also signs webhooks; comma separated while it is being rotated, newest first
    #[arg(long, alias = "mlc-shopify-client-secret", env = "MLC_SHOPIFY_CLIENT_SECRET", hide_env_values = true)]
    pub shopify_client_secret: Option<SecretString>,
    /// OAuth scopes asked of a store, comma separated
    #[arg(long, alias = "mlc-shopify-scopes", env = "MLC_SHOPIFY_SCOPES", default_value = default::SHOPIFY_SCOPES)]
    pub shopify_scopes: Option<String>,
    /// Admin API version
    #[arg(
        long,
        alias = "mlc-shopify-api-version",
        env = "MLC_SHOPIFY_API_VERSION",
        default_value = default::SHOPIFY_API_VERSION
    )]
    pub shopify_api_version: Option<String>,
    /// Base URL of a store; `{shop}` is replaced by `name.myshopify.com`
    #[arg(long, alias = "mlc-shopify-url", env = "MLC_SHOPIFY_URL", default_value = default::SHOPIFY_URL)]
    pub shopify_url: Option<String>,

    /// Client id of the FreshBooks app
    #[arg(long, alias = "mlc-freshbooks-client-id", env = "MLC_FRESHBOOKS_CLIENT_ID")]
    pub freshbooks_client_id: Option<String>,
    /// Client secret of the FreshBooks app
    #[arg(long, alias = "mlc-freshbooks-client-secret", env = "MLC_FRESHBOOKS_CLIENT_SECRET", hide_env_values = true)]
    pub freshbooks_client_secret: Option<SecretString>,
    /// Base URL of the FreshBooks API and its token endpoint
    #[arg(long, alias = "mlc-freshbooks-url", env = "MLC_FRESHBOOKS_URL", default_value = default::FRESHBOOKS_URL)]
    pub freshbooks_url: Option<String>,
    /// Page where a person authorizes us at FreshBooks
    #[arg(
        long,
        alias = "mlc-freshbooks-auth-url",
        env = "MLC_FRESHBOOKS_AUTH_URL",
        default_value = default::FRESHBOOKS_AUTH_URL
    )]
    pub freshbooks_auth_url: Option<String>,

    /// When a new connection pulls orders: six fields with seconds, in the connection's time zone
    #[arg(long, alias = "mlc-pull-cron", env = "MLC_PULL_CRON", default_value = default::PULL_CRON)]
    pub pull_cron: Option<String>,
    /// When a new connection is reconciled: six fields with seconds, in the connection's time zone
    #[arg(long, alias = "mlc-reconcile-cron", env = "MLC_RECONCILE_CRON", default_value = default::RECONCILE_CRON)]
    pub reconcile_cron: Option<String>,
    /// Orders synced at the same time by this process, 1 to 256; of one FreshBooks account 4 to 16 at most, by all processes together
    #[arg(long, alias = "mlc-workers", env = "MLC_WORKERS", default_value = default::WORKERS)]
    pub workers: Option<String>,
    /// Days that webhook deliveries, and the snapshots of orders that nothing happens to, are kept
    #[arg(long, alias = "mlc-retention-days", env = "MLC_RETENTION_DAYS", default_value = default::RETENTION_DAYS)]
    pub retention_days: Option<String>,
    /// Multiplies the waits of the retry ladder: for rehearsals and tests
    #[arg(long, alias = "mlc-retry-scale", env = "MLC_RETRY_SCALE", default_value = default::RETRY_SCALE)]
    pub retry_scale: Option<String>,

    /// Where alerts are posted as JSON (Slack-compatible `text`)
    #[arg(long, alias = "mlc-alert-webhook-url", env = "MLC_ALERT_WEBHOOK_URL", hide_env_values = true)]
    pub alert_webhook_url: Option<SecretString>,
    /// Secret that signs the posted alerts
    #[arg(long, alias = "mlc-alert-webhook-secret", env = "MLC_ALERT_WEBHOOK_SECRET", hide_env_values = true)]
    pub alert_webhook_secret: Option<SecretString>,
    /// Mail server for alert e-mails, such as `smtps://user:password@mail.example.com`
    #[arg(long, alias = "mlc-smtp-url", env = "MLC_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,
    /// Sender of the alert e-mails
    #[arg(long, alias = "mlc-alert-from", env = "MLC_ALERT_FROM")]
    pub alert_from: Option<String>,
    /// Receivers of the alert e-mails, comma separated
    #[arg(long, alias = "mlc-alert-to", env = "MLC_ALERT_TO")]
    pub alert_to: Option<String>,
    /// When one message lists the alerts that are open: six fields with seconds, in UTC; unset means never
    #[arg(long, alias = "mlc-alert-digest-cron", env = "MLC_ALERT_DIGEST_CRON")]
    pub alert_digest_cron: Option<String>,

    /// What is logged: a `tracing` filter such as `info,ml_connector=debug`
    #[arg(long, alias = "mlc-log", env = "MLC_LOG", default_value = default::LOG)]
    pub log: Option<String>,
    /// How it is logged: pretty or json
    #[arg(long, alias = "mlc-log-format", env = "MLC_LOG_FORMAT", default_value = default::LOG_FORMAT)]
    pub log_format: Option<String>,
    /// Where traces are sent over OTLP/HTTP; the other standard OpenTelemetry variables apply
    #[arg(long, alias = "otel-exporter-otlp-endpoint", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

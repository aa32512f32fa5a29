//! From text to [`Config`]: what each value may be, and what is said when it is not.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use lettre::message::Mailbox;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{
    Config, Error, LogFormat, cron,
    settings::{Settings, default},
};

impl Config {
    /// Reads what was given; an empty value counts as none.
    ///
    /// # Errors
    /// Names the first variable that is wrong.
    pub fn read(given: Settings) -> Result<Self, Error> {
        let database_url = secret(given.database_url).unwrap_or_else(|| default::DATABASE_URL.into());
        check("DATABASE_URL", database(database_url.expose_secret()))?;
        let listen: SocketAddr =
            parsed("MLC_LISTEN", given.listen, default::LISTEN, "an address such as 127.0.0.1:8080")?;
        let public_url = text(given.public_url).unwrap_or_else(|| format!("http://{listen}"));

        let shopify_client_id = text(given.shopify_client_id);
        let shopify_client_secrets = secret(given.shopify_client_secret).map_or_else(Vec::new, |list| {
            parts(list.expose_secret()).map(|part| SecretString::from(part.to_owned())).collect()
        });
        together(
            ("MLC_SHOPIFY_CLIENT_ID", shopify_client_id.is_some()),
            ("MLC_SHOPIFY_CLIENT_SECRET", !shopify_client_secrets.is_empty()),
        )?;
        let freshbooks_client_id = text(given.freshbooks_client_id);
        let freshbooks_client_secret = secret(given.freshbooks_client_secret);
        together(
            ("MLC_FRESHBOOKS_CLIENT_ID", freshbooks_client_id.is_some()),
            ("MLC_FRESHBOOKS_CLIENT_SECRET", freshbooks_client_secret.is_some()),
        )?;

        let alert_webhook_url = secret(given.alert_webhook_url);
        if let Some(url) = &alert_webhook_url {
            check("MLC_ALERT_WEBHOOK_URL", secret_url(url, &["https", "http"]))?;
        }
        let smtp_url = secret(given.smtp_url);
        if let Some(url) = &smtp_url {
            check("MLC_SMTP_URL", secret_url(url, &["smtps", "smtp"]).and_then(|()| mail_url(url)))?;
        }
        let alert_from = text(given.alert_from);
        let alert_to = list(given.alert_to);
        together(("MLC_SMTP_URL", smtp_url.is_some()), ("MLC_ALERT_FROM", alert_from.is_some()))?;
        together(("MLC_SMTP_URL", smtp_url.is_some()), ("MLC_ALERT_TO", !alert_to.is_empty()))?;
        for address in alert_from.iter() {
            check("MLC_ALERT_FROM", email(address))?;
        }
        for address in &alert_to {
            check("MLC_ALERT_TO", email(address))?;
        }

        let log = or(given.log, default::LOG);
        check("MLC_LOG", EnvFilter::try_new(&log).map_err(|error| format!("`{log}` is not a log filter: {error}")))?;

        Ok(Self {
            database_url,
            listen,
            public_url: check("MLC_PUBLIC_URL", base(&public_url))?,
            trusted_proxies: check("MLC_TRUSTED_PROXIES", networks(&list(given.trusted_proxies)))?,
            encryption_keys: secret(given.encryption_keys),
            jwt_secret: secret(given.jwt_secret),
            jwt_jwks_url: text(given.jwt_jwks_url).map(|url| check("MLC_JWT_JWKS_URL", http_url(&url))).transpose()?,
            jwt_issuer: text(given.jwt_issuer),
            jwt_audience: text(given.jwt_audience),
            jwt_role_claim: or(given.jwt_role_claim, default::JWT_ROLE_CLAIM),
            jwt_connections_claim: or(given.jwt_connections_claim, default::JWT_CONNECTIONS_CLAIM),
            shopify_client_id,
            shopify_client_secrets,
            shopify_scopes: check("MLC_SHOPIFY_SCOPES", scopes(&or(given.shopify_scopes, default::SHOPIFY_SCOPES)))?,
            shopify_api_version: check(
                "MLC_SHOPIFY_API_VERSION",
                api_version(or(given.shopify_api_version, default::SHOPIFY_API_VERSION)),
            )?,
            shopify_url: check("MLC_SHOPIFY_URL", shop_url(&or(given.shopify_url, default::SHOPIFY_URL)))?,
            freshbooks_client_id,
            freshbooks_client_secret,
            freshbooks_url: check("MLC_FRESHBOOKS_URL", base(&or(given.freshbooks_url, default::FRESHBOOKS_URL)))?,
            freshbooks_auth_url: check(
                "MLC_FRESHBOOKS_AUTH_URL",
                http_url(&or(given.freshbooks_auth_url, default::FRESHBOOKS_AUTH_URL)),
            )?,
            pull_cron: check("MLC_PULL_CRON", schedule(or(given.pull_cron, default::PULL_CRON)))?,
            reconcile_cron: check("MLC_RECONCILE_CRON", schedule(or(given.reconcile_cron, default::RECONCILE_CRON)))?,
            workers: within("MLC_WORKERS", given.workers, default::WORKERS, 1, 256)?,
            retention_days: within("MLC_RETENTION_DAYS", given.retention_days, default::RETENTION_DAYS, 1, 36_500)?,
            alert_webhook_url,
            alert_webhook_secret: secret(given.alert_webhook_secret),
            smtp_url,
            alert_from,
            alert_to,
            alert_digest_cron: text(given.alert_digest_cron)
                .map(|cron| check("MLC_ALERT_DIGEST_CRON", schedule(cron)))
                .transpose()?,
            retry_scale: within(
                "MLC_RETRY_SCALE",
                given.retry_scale,
                default::RETRY_SCALE,
                Decimal::ZERO,
                Decimal::ONE_THOUSAND,
            )?,
            log,
            log_format: check("MLC_LOG_FORMAT", log_format(&or(given.log_format, default::LOG_FORMAT)))?,
            otlp_endpoint: text(given.otlp_endpoint)
                .map(|url| check("OTEL_EXPORTER_OTLP_ENDPOINT", http_url(&url)).map(|_| url))
                .transpose()?,
        })
    }
}

fn text(value: Option<String>) -> Option<String> {
    value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn secret(value: Option<SecretString>) -> Option<SecretString> {
    value.filter(|value| !value.expose_secret().trim().is_empty())
}

fn or(value: Option<String>, default: &str) -> String {
    text(value).unwrap_or_else(|| default.to_owned())
}

fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn list(value: Option<String>) -> Vec<String> {
    value.iter().flat_map(|list| parts(list)).map(str::to_owned).collect()
}

fn check<T>(variable: &'static str, read: Result<T, String>) -> Result<T, Error> {
    read.map_err(|reason| Error::new(variable, reason))
}

/// Both or neither: half of such a pair is a forgotten variable.
fn together(one: (&'static str, bool), other: (&'static str, bool)) -> Result<(), Error> {
    let (set, unset) = match (one.1, other.1) {
        (true, false) => (one.0, other.0),
        (false, true) => (other.0, one.0),
        _ => return Ok(()),
    };
    Err(Error::new(unset, format!("it is not set, but {set} is: one does not work without the other")))
}

fn parsed<T: FromStr>(variable: &'static str, value: Option<String>, default: &str, what: &str) -> Result<T, Error> {
    let value = or(value, default);
    check(variable, value.parse().map_err(|_| format!("`{value}` is not {what}")))
}

fn within<T>(variable: &'static str, value: Option<String>, default: &str, least: T, most: T) -> Result<T, Error>
where
    T: FromStr + PartialOrd + Display,
{
    let what = format!("a number from {least} to {most}");
    let value = or(value, default);
    let number = parsed(variable, Some(value.clone()), default, &what)?;
    if number < least || number > most {
        return Err(Error::new(variable, format!("`{value}` is not {what}")));
    }
    Ok(number)
}

fn database(url: &str) -> Result<(), String> {
    if url.starts_with("sqlite:") {
        return Ok(());
    }
    if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
        return Err("it begins with neither sqlite: nor postgres:".to_owned());
    }
    Url::parse(url).map(drop).map_err(|error| format!("it is not a URL: {error}"))
}

fn secret_url(url: &SecretString, schemes: &[&str]) -> Result<(), String> {
    let url = Url::parse(url.expose_secret()).map_err(|error| format!("it is not a URL: {error}"))?;
    if !schemes.contains(&url.scheme()) || !url.has_host() {
        return Err(format!("it is not a {} address", schemes.join(" or ")));
    }
    Ok(())
}

/// What lettre would stumble over later.
fn mail_url(url: &SecretString) -> Result<(), String> {
    let url = Url::parse(url.expose_secret()).map_err(|error| format!("it is not a URL: {error}"))?;
    match url.query_pairs().find(|(name, _)| name == "tls") {
        Some((_, value)) if value != "required" && value != "opportunistic" => {
            Err("its `tls` is neither required nor opportunistic".to_owned())
        }
        _ => Ok(()),
    }
}

/// Addresses and ranges of them.
fn networks(list: &[String]) -> Result<Vec<IpNet>, String> {
    let network = |text: &String| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) if network.prefix_len() == 0 => {
                Err(format!("`{text}` is everybody, and not everybody can be believed"))
            }
            Ok(network) => Ok(network),
            Err(_) => Err(format!("`{text}` is neither an address such as 10.0.0.1 nor a range such as 10.0.0.0/8")),
        }
    };
    list.iter().map(network).collect()
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(format!("`{text}` is not a http or https address"));
    }
    Ok(url)
}

/// A URL that paths are joined to.
fn base(text: &str) -> Result<Url, String> {
    let mut url = http_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has a query or a fragment: paths are added to its end"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn shop_url(text: &str) -> Result<String, String> {
    base(&text.replace("{shop}", "name.myshopify.com"))
        .map_err(|_| format!("`{text}` is not a URL such as https://{{shop}}, without query and fragment"))?;
    Ok(text.trim_end_matches('/').to_owned())
}

fn scopes(text: &str) -> Result<Vec<String>, String> {
    let scopes: Vec<String> = parts(text).map(str::to_owned).collect();
    match scopes.iter().find(|scope| !scope.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) {
        Some(scope) => Err(format!("`{scope}` is not a scope such as read_orders")),
        None => Ok(scopes),
    }
}

fn api_version(text: String) -> Result<String, String> {
    let dated = text.split_once('-').is_some_and(|(year, month)| {
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        digits(year, 4) && digits(month, 2)
    });
    if dated || text == "unstable" { Ok(text) } else { Err(format!("`{text}` is not a version such as 2026-10")) }
}

fn schedule(text: String) -> Result<String, String> {
    cron(&text).map(|_| text)
}

fn email(text: &str) -> Result<(), String> {
    // `Name <a@example.com>` is fine too.
    text.parse::<Mailbox>().map(drop).map_err(|_| format!("`{text}` is not an e-mail address"))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is neither pretty nor json")),
    }
}

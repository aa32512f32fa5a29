//! The two ways to people: a webhook and e-mail. Their addresses and passwords are secrets and never said.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp,
};
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::message::Message;
use crate::config::{self, Config};

/// How long a mail server may take for one command.
const COMMAND_WITHIN: Duration = Duration::from_secs(20);
/// How long a mail server may take for a message.
const MAIL_WITHIN: Duration = Duration::from_secs(60);
/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(7_200);

/// Where alerts go, as this process was told.
#[derive(Clone, Debug)]
pub struct Channels {
    webhook: Option<Webhook>,
    mail: Option<Mail>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Webhook,
    Email,
}

impl Channel {
    pub(super) const ALL: [Self; 2] = [Self::Webhook, Self::Email];

    /// For the log and the figures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

impl Channels {
    /// The channels that are configured. `http` must follow no redirects: what is posted is for one receiver only.
    ///
    /// # Errors
    /// Names the setting that cannot be meant.
    pub fn new(http: reqwest::Client, config: &Config) -> Result<Self, config::Error> {
        let webhook = config.alert_webhook_url.clone().map(|url| Webhook {
            http,
            url,
            secret: config.alert_webhook_secret.clone(),
        });
        let mail = config.smtp_url.as_ref().map(|url| Mail::new(url, config)).transpose()?;
        Ok(Self { webhook, mail })
    }

    pub(super) fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Webhook => self.webhook.is_some(),
            Channel::Email => self.mail.is_some(),
        }
    }

    pub(super) async fn send(&self, channel: Channel, message: &Message, now: DateTime<Utc>) -> Result<(), Failure> {
        match (channel, &self.webhook, &self.mail) {
            (Channel::Webhook, Some(webhook), _) => webhook.post(message, now).await,
            (Channel::Email, _, Some(mail)) => mail.send(message, now).await,
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
struct Webhook {
    http: reqwest::Client,
    url: SecretString,
    secret: Option<SecretString>,
}

impl Webhook {
    async fn post(&self, message: &Message, now: DateTime<Utc>) -> Result<(), Failure> {
        let (timestamp, body) = (now.timestamp().to_string(), message.body.to_string());
        let mut request = self
            .http
            .post(self.url.expose_secret())
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-MLC-Alert-Id", &message.id)
            .header("X-MLC-Timestamp", &timestamp);
        if let Some(secret) = &self.secret {
            request = request.header("X-MLC-Signature", signature(secret, &timestamp, &body));
        }
        // An error of reqwest names the URL, which is all one needs to post there.
        let answer = request.body(body).send().await.map_err(|error| Failure::Unreachable(error.without_url()))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(Failure::Answered { status, wait: wait(answer.headers()) }) }
    }
}

fn signature(secret: &SecretString, timestamp: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map(|mut mac| {
        mac.update(format!("{timestamp}.{body}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    // HMAC takes keys of any length.
    format!("v1={}", mac.unwrap_or_default())
}

/// `Retry-After` in seconds.
fn wait(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[derive(Clone, Debug)]
struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// What stands behind the @ of a message's id.
    host: String,
}

impl Mail {
    fn new(url: &SecretString, config: &Config) -> Result<Self, config::Error> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|_| config::Error::new("MLC_SMTP_URL", "it is not the URL of a mail server that can be used"))?
            .timeout(Some(COMMAND_WITHIN))
            .build();
        let mailbox = |variable, address: &str| {
            address
                .parse::<Mailbox>()
                .map_err(|_| config::Error::new(variable, format!("`{address}` is not an e-mail address")))
        };
        let from = mailbox("MLC_ALERT_FROM", config.alert_from.as_deref().unwrap_or_default())?;
        let to = config.alert_to.iter().map(|address| mailbox("MLC_ALERT_TO", address)).collect::<Result<_, _>>()?;
        let host = config.public_url.host_str().unwrap_or("ml-connector").to_owned();
        Ok(Self { transport, from, to, host })
    }

    async fn send(&self, message: &Message, now: DateTime<Utc>) -> Result<(), Failure> {
        let name = |id: &str| format!("<{id}.{}@{}>", message.since.timestamp(), self.host);
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(&message.subject)
            .date(SystemTime::from(now))
            .message_id(Some(name(&message.id)));
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        if let Some(first) = &message.follows {
            mail = mail.in_reply_to(name(first)).references(name(first));
        }
        let parts = MultiPart::alternative_plain_html(message.plain.clone(), message.html.clone());
        let mail = mail.multipart(parts).map_err(Failure::Form)?;
        match tokio::time::timeout(MAIL_WITHIN, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure::mail(error)),
            Err(_) => Err(Failure::TooSlow),
        }
    }
}

/// Why a channel has not taken a message. Each is tried again: receivers are mended by people, too.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the webhook answered {}", .status.as_u16())]
    Answered { status: StatusCode, wait: Option<Duration> },
    #[error("the webhook could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// Its code without its words, which may name people.
    #[error("the mail server refused the message: {0}")]
    Refused(String),
    #[error("the mail server could not be reached")]
    Mail(#[source] smtp::Error),
    #[error("the mail server took too long")]
    TooSlow,
    #[error("the message could not be written as an e-mail")]
    Form(#[source] lettre::error::Error),
}

impl Failure {
    fn mail(error: smtp::Error) -> Self {
        let Some(code) = error.status() else { return Self::Mail(error) };
        let words = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let enhanced = words.split_whitespace().find(|word| {
            let mut parts = word.split('.');
            let digits = |part: Option<&str>| {
                part.is_some_and(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
            };
            (0..3).all(|_| digits(parts.next())) && parts.next().is_none()
        });
        Self::Refused(enhanced.map_or_else(|| code.to_string(), |enhanced| format!("{code} {enhanced}")))
    }

    /// How long the receiver asked to be left alone.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Answered { wait, .. } => *wait,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_time_and_the_body() {
        // By `printf '1763632800.{"text":"hi"}' | openssl dgst -sha256 -hmac secret`.
        let signed = signature(&"secret".into(), "1763632800", "{\"text\":\"hi\"}");
        assert_eq!(signed, "v1=e49719d6463952b670da9b2bf1bbf5019c398b742e473da5808497e28f97e15b");
    }

    #[tokio::test]
    async fn tls_finds_its_provider_without_anybody_installing_one() {
        let config = Config {
            smtp_url: Some("smtps://user:password@mail.example.com".into()),
            alert_from: Some("ml-connector <alerts@example.com>".to_owned()),
            alert_to: vec!["ops@example.com".to_owned()],
            ..Config::default()
        };
        for url in ["smtps://user:password@mail.example.com", "smtp://mail.example.com?tls=required"] {
            let http = reqwest::Client::builder().build().unwrap();
            let config = Config { smtp_url: Some(url.into()), ..config.clone() };
            let channels = Channels::new(http, &config).unwrap();
            assert!(channels.has(Channel::Email) && !channels.has(Channel::Webhook));
            assert!(!format!("{channels:?}").contains("password"), "a password would be in the log");
        }
    }
}

//! What people are told, in the words and forms of each channel. Pure. No person is named, and no token stands in it but in the link.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{
    alert::{Action, Model, Severity},
    connection,
};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};
use url::Url;

use super::GLOBAL_TYPE;
use crate::{global_id, problem::Problem};

/// Characters of the longest subject of an e-mail.
const SUBJECT_LENGTH: usize = 150;
/// Characters after which a digest's `text` names no more alerts: Slack cuts off at 40,000.
const TEXT_LENGTH: usize = 30_000;

/// One message in all its forms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// Names this one message among all, the same at every try: receivers may know repeats by it.
    pub(super) id: String,
    /// When what it is about began; makes the e-mail's id unique beyond this database.
    pub(super) since: DateTime<Utc>,
    /// The message that it follows up.
    pub(super) follows: Option<String>,
    /// What is posted.
    pub(super) body: Value,
    /// The e-mail's subject.
    pub(super) subject: String,
    /// The e-mail as text.
    pub(super) plain: String,
    /// The same as HTML.
    pub(super) html: String,
}

/// An alert with all that is told of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) row: Model,
    pub(super) problem: Problem,
    pub(super) connection: connection::Model,
    pub(super) link: Option<Url>,
}

impl Told {
    /// The message that the row's generation stands for.
    pub(super) fn message(&self) -> Message {
        let row = &self.row;
        let id = |generation: i64| format!("{}.{generation}", self.global());
        let mut body = self.body();
        body["text"] = self.text().into();
        let what = self.problem.message.trim_end_matches('.');
        let before = match self.stage() {
            Stage::Raised => "",
            Stage::Reminder => "still open: ",
            Stage::Resolved => "resolved: ",
        };
        Message {
            id: id(row.generation),
            since: row.raised_at,
            follows: (row.generation > 1).then(|| id(1)),
            body,
            subject: subject(&format!("[ml-connector] {}: {before}{what}", self.connection.name)),
            plain: self.plain(),
            html: page(&self.html()),
        }
    }

    fn global(&self) -> String {
        global_id::write(GLOBAL_TYPE, self.row.id.0)
    }

    fn stage(&self) -> Stage {
        match (self.row.resolved_at, self.row.generation) {
            (Some(_), _) => Stage::Resolved,
            (None, ..=1) => Stage::Raised,
            (None, _) => Stage::Reminder,
        }
    }

    fn body(&self) -> Value {
        let row = &self.row;
        json!({
            "id": self.global(),
            "connection": {
                "id": global_id::write("Connection", self.connection.id.0),
                "name": self.connection.name,
                "shopDomain": self.connection.shop_domain,
            },
            "code": row.code,
            "severity": severity(row.severity),
            "message": self.problem.message,
            "hint": self.problem.hint,
            "state": if row.resolved_at.is_some() { "resolved" } else { "open" },
            "raisedAt": row.raised_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "link": self.link.as_ref().map(Url::as_str),
        })
    }

    /// One line for Slack and whoever reads as Slack does.
    fn text(&self) -> String {
        let row = &self.row;
        let head = match self.stage() {
            Stage::Raised => severity(row.severity).to_owned(),
            Stage::Reminder => format!("{}, still open since {}", severity(row.severity), minute(row.raised_at)),
            Stage::Resolved => "resolved".to_owned(),
        };
        let mut text = format!("[{head}] {}: {}", self.shop(), self.problem.message);
        if row.resolved_at.is_none() {
            text = format!("{text} {}", self.problem.hint);
        }
        format!("{}{}", escaped(&text), self.slack_link())
    }

    fn slack_link(&self) -> String {
        let Some((link, label)) = self.link.as_ref().zip(label(self.row.action)) else { return String::new() };
        format!(" <{}|{label}>", escaped(link.as_str()).replace('|', "%7C"))
    }

    fn shop(&self) -> String {
        format!("{} ({})", self.connection.name, self.connection.shop_domain)
    }

    fn footer(&self) -> String {
        let row = &self.row;
        let times = if row.count == 1 { String::new() } else { format!(", raised {} times", row.count) };
        let ended = row.resolved_at.map(|at| format!(", resolved {}", minute(at))).unwrap_or_default();
        format!("{}, {}, since {}{times}{ended}.", row.code, severity(row.severity), minute(row.raised_at))
    }

    fn plain(&self) -> String {
        let resolved = self.row.resolved_at.is_some();
        let mut text = format!("{}\n\n", self.shop());
        text += if resolved { "This is over: " } else { "" };
        text += &format!("{}\n", self.problem.message);
        if !resolved {
            text += &format!("{}\n", self.problem.hint);
        }
        if let Some((link, label)) = self.link.as_ref().zip(label(self.row.action)) {
            text += &format!("\n{label}: {link}\n");
        }
        format!("{text}\n{}\n", self.footer())
    }

    fn html(&self) -> Markup {
        let resolved = self.row.resolved_at.is_some();
        html! {
            p { strong { (self.connection.name) } " (" (self.connection.shop_domain) ")" }
            p {
                @if resolved { "This is over: " }
                (self.problem.message)
            }
            @if !resolved { p { (self.problem.hint) } }
            @if let Some((link, label)) = self.link.as_ref().zip(label(self.row.action)) {
                p { a href=(link) { (label) } }
            }
            p style="color:#666" { (self.footer()) }
        }
    }
}

/// The digest of the oldest open alerts; `open` is how many there are in all.
pub(super) fn digest(oldest: &[Told], open: u64, fires_at: DateTime<Utc>) -> Message {
    let alerts = if open == 1 { "alert is" } else { "alerts are" };
    let title = format!("{open} {alerts} open");
    let left_out = open.saturating_sub(oldest.len() as u64);
    let mut text = format!("[digest] {title}:");
    let mut named = 0;
    for told in oldest {
        let line =
            format!("\n• {}{}", escaped(&format!("{}: {}", told.shop(), told.problem.message)), told.slack_link());
        if text.len() + line.len() > TEXT_LENGTH {
            break;
        }
        named += 1;
        text += &line;
    }
    let unnamed = open.saturating_sub(named);
    if unnamed > 0 {
        text += &format!("\n… and {unnamed} more.");
    }
    let more = (left_out > 0).then(|| format!("… and {left_out} more."));
    let plain = oldest.iter().map(Told::plain).chain(more.clone()).collect::<Vec<_>>().join("\n----\n\n");
    let html = html! {
        h3 { (title) ", the oldest first" }
        @for told in oldest { (told.html()) hr; }
        @if let Some(more) = more { p { (more) } }
    };
    Message {
        id: format!("digest.{}", fires_at.timestamp()),
        since: fires_at,
        follows: None,
        body: json!({
            "text": text,
            "state": "digest",
            "openAlerts": open,
            "alerts": oldest.iter().map(Told::body).collect::<Vec<_>>(),
        }),
        subject: subject(&format!("[ml-connector] {title}")),
        plain: format!("{title}, the oldest first.\n\n{plain}"),
        html: page(&html),
    }
}

enum Stage {
    Raised,
    Reminder,
    Resolved,
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn label(action: Option<Action>) -> Option<&'static str> {
    action.map(|action| match action {
        Action::AuthorizeShopify => "Authorize Shopify",
        Action::AuthorizeFreshbooks => "Authorize FreshBooks",
    })
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One line, not too long.
fn subject(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_LENGTH).collect()
}

fn page(content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html {
            head { meta charset="utf-8"; }
            body style="font-family:sans-serif" { (content) }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use entity::ids::{AlertId, ConnectionId};

    use super::*;
    use crate::problem::Owner;

    fn told() -> Told {
        let at = "2026-11-20T10:00:00Z".parse().unwrap();
        let problem = Problem::new(
            Owner::Merchant,
            "NEEDS_REAUTHORIZATION",
            "Shopify must be authorized again.",
            "Open the link & log in as the <owner>.",
        );
        Told {
            row: Model {
                id: AlertId(7),
                connection_id: ConnectionId(1),
                code: problem.code.clone(),
                subject: "shopify".to_owned(),
                severity: Severity::Critical,
                problem: String::new(),
                action: Some(Action::AuthorizeShopify),
                count: 1,
                raised_at: at,
                last_raised_at: at,
                acknowledged_at: None,
                acknowledged_by: None,
                resolved_at: None,
                announced_at: at,
                webhook_sent_at: None,
                webhook_told: 0,
                email_sent_at: None,
                email_told: 0,
                last_error: None,
                lane: 0,
                due_at: Some(at),
                generation: 1,
                claimed_generation: 1,
                attempts: 0,
                fence: None,
                leased_until: None,
            },
            problem,
            connection: connection::Model {
                id: ConnectionId(1),
                name: "Mugs <& More>".to_owned(),
                shop_domain: "mugs.myshopify.com".to_owned(),
                status: connection::Status::NeedsReauthorization,
                settings: String::new(),
                shop_name: None,
                shop_currency: None,
                shop_time_zone: None,
                account_id: None,
                business_id: None,
                business_name: None,
                business_currency: None,
                rounding_rules: 0,
                issues_in_create: None,
                businesses: None,
                blocked: None,
                salt: String::new(),
                watermark: None,
                last_pull_at: None,
                last_synced_at: None,
                created_at: at,
                updated_at: at,
            },
            link: Some("https://mlc.example.com/oauth?a=1&b=2|3".parse().unwrap()),
        }
    }

    #[test]
    fn slack_sees_only_our_link_as_markup() {
        let message = told().message();
        assert_eq!(
            message.body["text"],
            "[critical] Mugs &lt;&amp; More&gt; (mugs.myshopify.com): Shopify must be authorized again. \
             Open the link &amp; log in as the &lt;owner&gt;. \
             <https://mlc.example.com/oauth?a=1&amp;b=2%7C3|Authorize Shopify>"
        );
        assert!(message.html.contains("Mugs &lt;&amp; More&gt;"), "{}", message.html);
        assert!(message.html.contains("a=1&amp;b=2|3\">Authorize Shopify"), "{}", message.html);
        assert_eq!(message.subject, "[ml-connector] Mugs <& More>: Shopify must be authorized again");
    }

    #[test]
    fn each_stage_says_what_it_is_and_follows_the_first() {
        let mut told = told();
        let first = told.message();
        assert_eq!((first.body["state"].as_str(), first.follows), (Some("open"), None));
        told.row.generation = 2;
        told.row.count = 9;
        let reminder = told.message();
        assert_eq!(reminder.follows.as_ref(), Some(&first.id));
        assert!(reminder.subject.contains(": still open: Shopify") && reminder.plain.contains("raised 9 times"));
        assert!(
            reminder.body["text"].as_str().unwrap().starts_with("[critical, still open since 2026-11-20 10:00 UTC]")
        );
        told.row.generation = 3;
        told.row.resolved_at = Some(told.row.raised_at);
        told.link = None;
        let resolved = told.message();
        assert_eq!((resolved.body["state"].as_str(), resolved.follows.as_ref()), (Some("resolved"), Some(&first.id)));
        assert!(!resolved.plain.contains("log in") && !resolved.html.contains("log in"), "nothing is left to do");
        assert!(resolved.subject.contains(": resolved: Shopify"));
        assert_ne!(resolved.id, reminder.id);
    }

    #[test]
    fn a_subject_is_one_line() {
        let mut told = told();
        told.connection.name = format!("Mugs\r\nBcc: someone@example.com {}", "x".repeat(500));
        let subject = told.message().subject;
        assert!(!subject.contains(['\r', '\n']) && subject.chars().count() == SUBJECT_LENGTH, "{subject}");
    }

    #[test]
    fn a_digest_counts_what_it_does_not_name() {
        let mut long = told();
        long.problem.message = "m".repeat(400);
        let oldest = vec![long; 100];
        let message = digest(&oldest, 120, oldest[0].row.raised_at);
        let text = message.body["text"].as_str().unwrap();
        assert!(text.len() < TEXT_LENGTH + 100, "{}", text.len());
        let named = text.matches("•").count();
        assert!(named < 100 && text.ends_with(&format!("… and {} more.", 120 - named)), "{named}");
        assert_eq!(message.body["alerts"].as_array().unwrap().len(), 100);
        assert!(message.plain.ends_with("… and 20 more.") && message.html.contains("… and 20 more."));
        assert_eq!(message.subject, "[ml-connector] 120 alerts are open");
        assert_eq!(digest(&oldest[..1], 1, oldest[0].row.raised_at).subject, "[ml-connector] 1 alert is open");
    }
}

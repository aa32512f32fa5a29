//! Pages for a person who comes back from Shopify or FreshBooks: what happened, and what is next.
//!
//! Plain HTML that works without a script, in the narrowest window and read aloud. Everything in it is text until it is escaped here.

use std::sync::LazyLock;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::{Html, IntoResponse},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = "\
    body { margin: 0; background: #fff; color: #1a1a1a; font: 1.0625rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere }\
    main { max-width: 38rem; margin: 0 auto; padding: 1.5rem 1rem }\
    h1 { font-size: 1.5rem; line-height: 1.3 }\
    h2 { font-size: 1.125rem }\
    a { color: #0b4f9e }\
    a:focus-visible { outline: 3px solid #0b4f9e; outline-offset: 2px }\
    .outcome { display: inline-block; margin: 0; padding: .125rem .625rem; border-radius: .25rem; color: #fff; font-weight: 600 }\
    .success { background: #1b6e3c }\
    .failure { background: #a11616 }";

/// Nothing but our own style, named by its digest.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::try_from(policy).ok()
});

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As they wanted.
    Success,
    /// Not, and this is what the status says of it.
    Failure(StatusCode),
}

/// What a person is told.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// One sentence without its full stop, such as "Sample Store is connected".
    pub(super) title: String,
    /// What happened, by the paragraph.
    pub(super) happened: Vec<String>,
    /// What is next, by the paragraph; may be empty.
    pub(super) next: Vec<String>,
    /// Label and address. An address that is neither of the web nor of our own is shown as text.
    pub(super) links: Vec<(String, String)>,
    /// How it went.
    pub(super) outcome: Outcome,
}

impl Page {
    fn markup(&self) -> Markup {
        let (class, word) = match self.outcome {
            Outcome::Success => ("outcome success", "Done"),
            Outcome::Failure(_) => ("outcome failure", "Not done"),
        };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) " - ml-connector" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        p class=(class) { (word) }
                        h1 { (self.title) }
                        @for paragraph in &self.happened { p { (paragraph) } }
                        @if !self.next.is_empty() || !self.links.is_empty() {
                            h2 { "What is next" }
                            @for paragraph in &self.next { p { (paragraph) } }
                        }
                        @if !self.links.is_empty() {
                            ul {
                                @for (label, address) in &self.links {
                                    li {
                                        @if leads_somewhere_safe(address) {
                                            a href=(address) rel="noreferrer" { (label) }
                                        } @else {
                                            (label)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response<Body> {
        let status = match self.outcome {
            Outcome::Success => StatusCode::OK,
            Outcome::Failure(status) => status,
        };
        let mut response = (status, Html(self.markup().into_string())).into_response();
        if let Some(policy) = &*POLICY {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }
}

/// A page of the web, or one of ours by its path.
fn leads_somewhere_safe(address: &str) -> bool {
    let ours = address.starts_with('/') && !address.starts_with("//") && !address.contains('\\');
    ours || address.starts_with("https://") || address.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, address: &str, outcome: Outcome) -> Page {
        let text = text.to_owned();
        Page {
            title: text.clone(),
            happened: vec![text.clone()],
            next: vec![text.clone()],
            links: vec![(text, address.to_owned())],
            outcome,
        }
    }

    #[test]
    fn whatever_a_platform_says_stays_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "' onmouseover='alert(1)",
            "</title><script>alert(1)</script>",
            "</style><b>",
            "<!-- ",
            "&lt;script&gt;",
        ] {
            let html = page(hostile, &format!("https://x.example/{hostile}"), Outcome::Success).markup().into_string();
            // A single quote is text in all the places there are: attributes stand in double ones.
            assert!(!html.contains(hostile) || !hostile.contains(['<', '"', '&']), "{html}");
            for tag in ["<script", "<img", "<b>", "<!--", "onerror=alert(1)>"] {
                assert!(!html.contains(tag), "{html}");
            }
            assert_eq!((html.matches("<a ").count(), html.matches("</style>").count()), (1, 1), "{html}");
            assert_eq!(html.matches('"').count() % 2, 0, "{html}");
        }
    }

    #[test]
    fn an_address_that_does_something_is_no_link() {
        for address in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "/\\evil.example",
            " javascript:x",
            "",
            "x",
        ] {
            let html = page("label", address, Outcome::Success).markup().into_string();
            assert!(!html.contains("href"), "{html}");
        }
        for address in ["https://example.com/a?b=c", "/graphiql", "http://127.0.0.1:8080/"] {
            let html = page("label", address, Outcome::Success).markup().into_string();
            assert!(html.contains(&format!("href=\"{address}\"")), "{html}");
        }
    }

    #[test]
    fn a_page_can_be_read_by_everybody() {
        let html = page("Sample is connected", "/", Outcome::Success).markup().into_string();
        for part in [
            "<!DOCTYPE html><html lang=\"en\">",
            "<title>Sample is connected - ml-connector</title>",
            "<meta name=\"robots\" content=\"noindex\">",
            "width=device-width",
            "<main>",
            "<h1>Sample is connected</h1>",
            ">Done<",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(html.matches("<h1>").count(), 1);
    }

    #[test]
    fn a_page_brings_its_status_and_its_own_policy() {
        for (outcome, status) in
            [(Outcome::Success, StatusCode::OK), (Outcome::Failure(StatusCode::FORBIDDEN), StatusCode::FORBIDDEN)]
        {
            let answer = page("x", "/", outcome).into_response();
            assert_eq!(answer.status(), status);
            let policy = answer.headers()["content-security-policy"].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        }
        // The digest is that of what stands between the tags.
        let html = page("x", "/", Outcome::Success).markup().into_string();
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert_eq!(style, STYLE);
    }
}

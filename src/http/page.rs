//! Stub until the real one is merged.
use axum::{
    body::Body,
    http::{Response, StatusCode},
    response::{Html, IntoResponse},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
}

pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    lines: Vec<String>,
    links: Vec<(String, String)>,
}

impl Page {
    pub(super) fn new(_: Outcome, status: StatusCode, title: &'static str) -> Self {
        Self { status, title, lines: Vec::new(), links: Vec::new() }
    }
    pub(super) fn line(mut self, line: String) -> Self {
        self.lines.push(line);
        self
    }
    pub(super) fn link(mut self, label: &str, url: &str) -> Self {
        self.links.push((label.to_owned(), url.to_owned()));
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response<Body> {
        let body = maud::html! { h1 { (self.title) } @for line in &self.lines { p { (line) } } @for (label, url) in &self.links { a href=(url) { (label) } } };
        (self.status, Html(body.into_string())).into_response()
    }
}

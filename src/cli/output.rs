//! The one place that prints.

use std::io::{ErrorKind, Write, stderr, stdout};

use anyhow::Context;

/// Prints one result. A reader that has seen enough (`| head`) is no failure.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Says something about the result, on stderr, where it spoils no pipe. If nobody can hear it, so be it.
pub(super) fn note(text: &str) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Why the command failed: one line, then the causes below it.
pub(super) fn failure(error: &anyhow::Error) {
    let mut said = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = one_line(&cause.to_string());
        if depth == 0 {
            note(&format!("error: {text}"));
        } else if !said.ends_with(&text) {
            // Many a library repeats its cause in its own message.
            note(&format!("  caused by: {text}"));
        }
        said = text;
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

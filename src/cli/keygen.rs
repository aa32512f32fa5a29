//! `ml-connector keygen`: a fresh key, and what to do with it.

use ml_connector::{clock::Clock, crypto};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::output;

pub(super) fn run() -> anyhow::Result<()> {
    // The day for the person who wonders which is the old one, the rest so that two keys of one day can stand side by side.
    let (random, _, _, _) = Uuid::new_v4().as_fields();
    let id = format!("k{}-{random:08x}", Clock::default().now().format("%Y%m%d"));
    output::line(crypto::keygen(&id).expose_secret())?;
    output::note(
        "Put this into MLC_ENCRYPTION_KEYS and keep a copy in a safe place: without it, stored tokens and personal data are lost.\n\
         To rotate: put it in front of the present keys, with a comma between, and restart; the service seals everything anew in the\n\
         background, `ml-connector rotate-keys` does so at once and says when the old keys can go. With several replicas, put it behind\n\
         the present keys first and restart all of them, so that each can open what the others seal; then put it in front.",
    );
    Ok(())
}

//! Writes that are sent in time or not at all.
//!
//! A process may stand still between the moment it was allowed to write and the moment it writes: stopped by a signal, swapped out, its
//! machine moved. When it goes on, somebody else may have taken its place and written the same. So the clock is asked once more at the very
//! last moment, when the connection stands and the body is about to leave: what is late breaks off there, and FreshBooks never has a whole
//! request. A clock that somebody has set meanwhile cannot tell, so it is late as well.

use chrono::{DateTime, Utc};
use futures_util::stream;
use reqwest::{
    Body, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use serde_json::Value;

use crate::clock::Clock;

/// Until when a write may leave.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    clock: Clock,
    at: DateTime<Utc>,
}

/// The deadline had passed; nothing was sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its time had passed")]
pub(super) struct Passed;

impl Deadline {
    pub(super) fn new(clock: &Clock, at: DateTime<Utc>) -> Self {
        Self { clock: clock.clone(), at }
    }

    fn has_passed(&self) -> bool {
        self.clock.has_jumped() || self.clock.now() >= self.at
    }

    /// `request` with a JSON body that leaves in time or not at all.
    pub(super) fn json(&self, request: RequestBuilder, body: &Value) -> RequestBuilder {
        let (deadline, bytes) = (self.clone(), body.to_string().into_bytes());
        let length = bytes.len();
        let last_look = async move { if deadline.has_passed() { Err(Passed) } else { Ok(bytes) } };
        request
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(stream::once(last_look)))
    }
}

/// Whether a request broke off because its deadline had passed.
pub(super) fn passed(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<Passed>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use crate::{
        clock::Clock,
        freshbooks::{
            Error, invoices,
            testing::{Reply, Server},
        },
    };

    #[tokio::test]
    async fn a_write_whose_time_has_passed_never_arrives() {
        let answer = json!({"response": {"result": {}}});
        let server = Server::start([Reply::json(200, answer)]).await;
        let clock = Clock::default();
        let books = server.books().until(&clock, clock.now() + TimeDelta::seconds(10));
        let request = invoices::mark_sent(7);

        clock.advance(TimeDelta::seconds(10));
        assert!(matches!(books.send_invoice(&request).await, Err(Error::TooLate)));
        let books = server.books().until(&clock, clock.now() + TimeDelta::seconds(10));
        clock.step(-TimeDelta::hours(1));
        assert!(matches!(books.send_invoice(&request).await, Err(Error::TooLate)), "nobody knows what time it is");
        clock.step(TimeDelta::hours(1));
        assert_eq!(server.seen().len(), 0, "not even a part of it was taken for a request");

        let books = server.books().until(&clock, clock.now() + TimeDelta::seconds(10));
        assert!(matches!(books.send_invoice(&request).await, Err(Error::Unknown(_))), "the answer holds no invoice");
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].body, request.body);
        assert_eq!(seen[0].headers["content-length"], request.body.to_string().len().to_string().as_str());
        assert!(!seen[0].headers.contains_key("transfer-encoding"), "FreshBooks may not know chunks");
    }
}

//! A platform's calls in a test's hands: each stands still before its effect and before its answer, until it is let go.

use ml_connector::sandbox::faults::{Faults, Held, Moment};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::service::LONGEST;

/// Calls that stand still. Once this is dropped all pass freely, but for those that a test still holds.
pub(crate) struct Calls(UnboundedReceiver<Held>);

impl Calls {
    /// Holds every call from now on.
    pub(crate) fn held(faults: &Faults) -> Self {
        let (holder, calls) = unbounded_channel();
        faults.hold(holder);
        Self(calls)
    }

    /// Lets them go, one by one, until this one comes: it stands still.
    pub(crate) async fn next(&mut self, name: &str, moment: Moment) -> Held {
        let found = async {
            loop {
                let held = self.0.recv().await.unwrap();
                if (held.call.as_str(), held.moment) == (name, moment) {
                    return held;
                }
                held.go(None);
            }
        };
        timeout(LONGEST, found).await.unwrap_or_else(|_| panic!("{name} was not called"))
    }
}

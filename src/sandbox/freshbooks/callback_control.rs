//! What a test does with callbacks behind the caller's back.

use std::sync::Arc;

use super::{
    FreshBooks,
    books::Books,
    callback::Callback,
    courier::{Deliveries, Delivery},
    happening,
    options::CallbackOptions,
    view::CallbackView,
};

impl FreshBooks {
    /// All callbacks, oldest first.
    pub fn callbacks(&self) -> Vec<CallbackView> {
        self.server.books().callbacks.values().map(CallbackView::of).collect()
    }

    /// Turns the switches about callbacks; what is on its way already goes by the old ones.
    pub fn set_callbacks(&self, change: impl FnOnce(&mut CallbackOptions)) {
        change(&mut Arc::make_mut(&mut self.server.books().options).callbacks);
    }

    /// What becomes of notifications from now on. Those held stay so until they are taken.
    pub fn set_deliveries(&self, mode: Deliveries) {
        self.server.courier.set_mode(mode);
    }

    /// The notifications held since this was last called, in the order in which things happened.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        self.server.courier.take()
    }

    /// Waits until every notification under way has arrived or been given up.
    pub async fn delivered(&self) {
        self.server.courier.idle().await;
    }

    /// Signs the next notification of an event with a wrong secret.
    pub fn spoil_next_signature(&self) {
        self.server.books().spoils_signature = true;
    }

    /// A person removes every callback for exactly this event.
    pub async fn remove_callback(&self, event: &str) -> Result<(), String> {
        self.with_callbacks(event, |books, callback| books.remove::<Callback>(callback.id)).await
    }

    /// A person points every callback for exactly this event to another address, which is then unproved.
    pub async fn redirect_callback(&self, event: &str, uri: &str) -> Result<(), String> {
        self.with_callbacks(event, |books, mut callback| {
            callback.point(callback.event.clone(), uri.to_owned());
            callback.updated_at = books.now();
            books.put(callback);
        })
        .await
    }

    /// The platform no longer takes the addresses of callbacks for exactly this event for proved.
    pub async fn unverify_callback(&self, event: &str) -> Result<(), String> {
        self.with_callbacks(event, |books, callback| {
            books.put(Callback { verified: false, updated_at: books.now(), ..callback });
        })
        .await
    }

    /// Sends the verification of every callback for exactly this event once more, verified or not.
    pub async fn resend_verification(&self, event: &str) -> Result<(), String> {
        self.with_callbacks(event, |books, callback| happening::verification(books, callback.id, false)).await
    }

    async fn with_callbacks(&self, event: &str, change: impl Fn(&mut Books, Callback)) -> Result<(), String> {
        self.by_hand(|books| {
            let meant = books.callbacks.values().filter(|callback| callback.event == event);
            let meant: Vec<Callback> = meant.cloned().collect();
            if meant.is_empty() {
                return Err(format!("no callback for {event}"));
            }
            for callback in meant {
                change(books, callback);
            }
            Ok(())
        })
        .await
    }
}

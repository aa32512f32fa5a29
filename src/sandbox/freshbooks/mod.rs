//! Simulated FreshBooks: one account, over real HTTP on loopback, as strict as the platform is known to be and stricter where it is not.
//!
//! It adds up its own totals, keeps single-use refresh tokens, refuses read-only keys, ignores strange ones and turns an overpayment into a
//! credit without a word. Knobs choose among the answers nobody has recorded. Given a [`Journal`] it survives being killed: an answer leaves
//! only after its change is safe, and the lines it wrote restore the same books. Callbacks that proved their address are told what happened,
//! by the API or by hand: signed, and in no order.

mod account;
mod books;
mod callback;
mod callback_control;
mod callback_list;
mod client;
mod client_list;
mod courier;
mod credit;
mod events;
mod happening;
mod identity;
mod input;
mod invoice;
mod invoice_list;
mod json;
mod line;
mod list;
mod oauth;
mod options;
mod payment;
mod payment_list;
mod problem;
mod query;
mod render;
mod route;
mod server;
mod signature;
mod tax;
#[cfg(test)]
mod tests;
mod totals;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError},
};

use axum::{Router, serve::ListenerExt};
use serde_json::{Map, Value};
use tokio::{net::TcpListener, task::JoinHandle};

use self::{
    books::{Books, Index},
    input::Fields,
    route::Resource,
    server::{Left, Server},
};
pub use self::{
    courier::{Deliveries, Delivery},
    options::{
        Business, CallbackOptions, DuplicateNumbers, ErrorStyle, FailedVerification, HiddenClients, Journal, Now,
        Options, Rounding,
    },
    server::KeptWrite,
    view::{CallbackView, ClientView, CreditNoteView, InvoiceView, LineView, PaymentView, TaxView},
};
use crate::sandbox::faults::Faults;

/// A running account. Dropping it stops answering; [`FreshBooks::stop`] also waits until the port is free.
pub struct FreshBooks {
    /// What goes wrong, and how often each call came. Calls are named after what they do: `CreateInvoice`, `ListClients`, `System`, `Me`,
    /// `Authorize` (the consent page), `Token` (the token endpoint, whatever the grant type), `Revoke`, `CreateCallback`.
    pub faults: Arc<Faults>,
    server: Arc<Server>,
    address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl FreshBooks {
    /// Opens the books and starts to answer. Fails when the address is taken or a line to restore cannot be read.
    pub async fn start(options: Options) -> io::Result<FreshBooks> {
        let listen = options.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let books = Books::open(Arc::new(options)).map_err(io::Error::other)?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let server = Arc::new(Server::new(books));
        let router = Router::new().fallback(server::serve).with_state(server.clone());
        // Small answers on a kept connection would otherwise wait for the other side's delayed acknowledgement.
        let listener = listener.tap_io(|io| drop(io.set_nodelay(true)));
        let closed = server.closed.clone();
        let task = tokio::spawn(async move {
            // Accepting does not fail: axum waits and goes on.
            drop(axum::serve(listener, router).with_graceful_shutdown(closed.cancelled_owned()).await);
        });
        Ok(FreshBooks { faults: server.faults.clone(), server, address, task: Some(task) })
    }

    /// `http://127.0.0.1:PORT`, for the API and the consent page alike.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops answering and frees the port, so that another life can start there.
    pub async fn stop(mut self) {
        self.server.closed.cancel();
        if let Some(task) = self.task.take() {
            drop(task.await);
        }
        self.server.courier.idle().await;
    }

    /// All invoices, oldest first, deleted ones included.
    pub fn invoices(&self) -> Vec<InvoiceView> {
        let books = self.server.books();
        books.invoices.values().map(|invoice| InvoiceView::of(invoice, &books)).collect()
    }

    /// All payments, oldest first, deleted ones included.
    pub fn payments(&self) -> Vec<PaymentView> {
        self.server.books().payments.values().map(PaymentView::of).collect()
    }

    /// All clients, oldest first, deleted ones included.
    pub fn clients(&self) -> Vec<ClientView> {
        self.server.books().clients.values().map(ClientView::of).collect()
    }

    /// All credit notes, oldest first, deleted ones included.
    pub fn credit_notes(&self) -> Vec<CreditNoteView> {
        let books = self.server.books();
        books.credits.values().map(|credit| CreditNoteView::of(credit, &books)).collect()
    }

    /// The writes that came since this was last called; the first call begins to keep them.
    pub fn take_writes(&self) -> Vec<KeptWrite> {
        let mut kept = self.server.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.replace(Vec::new()).unwrap_or_default()
    }

    /// How many e-mails would have left: invoices sent and receipts.
    pub fn emails_sent(&self) -> u64 {
        self.server.books().counters.emails_sent
    }

    /// Search keys that were used and did nothing, as `invoices.status`. A caller that knows the platform leaves this empty.
    pub fn ignored_search_keys(&self) -> Vec<String> {
        self.server.books().ignored.iter().cloned().collect()
    }

    /// The newest access and refresh token, of the consent given last.
    pub fn tokens(&self) -> (Option<String>, Option<String>) {
        let books = self.server.books();
        let newest = books.grants.values().next_back();
        let own = |token: Option<&str>| token.map(str::to_owned);
        newest.map_or((None, None), |grant| (own(grant.access_token()), own(grant.refresh_token())))
    }

    /// Lets the next call of that name answer HTTP 200 with `response.errors`, and do nothing.
    pub fn errors_inside_200(&self, call: &str) {
        let mut calls = self.server.hidden_errors.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(call.to_owned()).or_default() += 1;
    }

    /// Kills every access token ahead of its time; refresh tokens keep working.
    pub async fn expire_access_tokens(&self) -> Result<(), String> {
        self.by_hand(|books| {
            let grants: Vec<_> = books.grants.values().cloned().collect();
            for mut grant in grants {
                grant.forget_access_token();
                books.put(grant);
            }
            Ok(())
        })
        .await
    }

    /// The person disconnects the app: every token of every consent is dead, and only a new consent helps.
    pub async fn disconnect(&self) -> Result<(), String> {
        self.by_hand(|books| {
            books.codes.clear();
            let grants: Vec<_> = books.grants.values().cloned().collect();
            for mut grant in grants {
                grant.forget();
                books.put(grant);
            }
            Ok(())
        })
        .await
    }

    /// The account's subscription from now on: `active`, `active_trial`, `cancelled`.
    pub fn set_subscription(&self, status: &str) {
        self.set(|options| options.subscription = status.to_owned());
    }

    /// The person's role in the account from now on; that in the business stays.
    pub fn set_role(&self, role: &str) {
        self.set(|options| options.account_role = Some(role.to_owned()));
    }

    /// How many active clients the plan allows from now on; any number when -1.
    pub fn set_client_limit(&self, limit: i64) {
        self.set(|options| options.client_limit = limit);
    }

    /// What the person grants at most from now on; tokens that are there keep their scopes.
    pub fn set_grant_only(&self, scopes: Option<Vec<String>>) {
        self.set(|options| options.grant_only = scopes);
    }

    /// How often the token endpoint was asked, by grant type: `authorization_code`, `refresh_token`. Requests that a fault spoilt count
    /// too.
    pub fn token_requests(&self) -> BTreeMap<String, u64> {
        self.server.token_requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every client secret, code, access token, refresh token and verifier of this life, and those it was restored with: none of them may
    /// turn up in a log.
    pub fn secrets(&self) -> Vec<String> {
        let books = self.server.books();
        let restored = books.grants.values().flat_map(|grant| [grant.access_token(), grant.refresh_token()]);
        let verifiers = books.callbacks.values().map(|callback| callback.verifier.as_str());
        let restored: BTreeSet<&str> = restored.flatten().chain(verifiers).collect();
        let new = |token: &&&str| !books.secrets.iter().any(|known| known == **token);
        books.secrets.iter().cloned().chain(restored.iter().filter(new).map(|token| (*token).to_owned())).collect()
    }

    /// A person changes the invoice of that number: `change` is what a PUT would carry inside its wrapper.
    pub async fn edit_invoice(&self, number: &str, change: Value) -> Result<(), String> {
        let found = self.server.books().found(Index::InvoiceNumber, number).next_back();
        let id = found.ok_or_else(|| format!("no invoice {number}"))?;
        self.edit(Resource::Invoice, id, change).await
    }

    /// A person deletes the invoice of that number; its payments stay.
    pub async fn delete_invoice(&self, number: &str) -> Result<(), String> {
        self.edit_invoice(number, serde_json::json!({"vis_state": 1})).await
    }

    /// A person changes a payment.
    pub async fn edit_payment(&self, id: u64, change: Value) -> Result<(), String> {
        self.edit(Resource::Payment, id, change).await
    }

    /// A person changes a client.
    pub async fn edit_client(&self, id: u64, change: Value) -> Result<(), String> {
        self.edit(Resource::Client, id, change).await
    }

    /// A person archives a client.
    pub async fn archive_client(&self, id: u64) -> Result<(), String> {
        self.edit_client(id, serde_json::json!({"vis_state": 2})).await
    }

    /// A person changes a credit note.
    pub async fn edit_credit_note(&self, id: u64, change: Value) -> Result<(), String> {
        self.edit(Resource::CreditNote, id, change).await
    }

    /// A person adds a client: `fields` is what a POST would carry inside its wrapper. Returns the id.
    pub async fn add_client(&self, fields: Value) -> Result<u64, String> {
        self.add(Resource::Client, fields).await
    }

    /// A person writes an invoice.
    pub async fn add_invoice(&self, fields: Value) -> Result<u64, String> {
        self.add(Resource::Invoice, fields).await
    }

    /// A person books a payment; with a `creditid` they apply a credit note.
    pub async fn add_payment(&self, fields: Value) -> Result<u64, String> {
        self.add(Resource::Payment, fields).await
    }

    /// A person writes a credit note.
    pub async fn add_credit_note(&self, fields: Value) -> Result<u64, String> {
        self.add(Resource::CreditNote, fields).await
    }

    async fn add(&self, resource: Resource, fields: Value) -> Result<u64, String> {
        let map: Map<String, Value> = serde_json::from_value(fields).map_err(|e| e.to_string())?;
        self.by_hand(|books| {
            let fields = Fields::new(resource.wrapper(), &map);
            account::create(books, resource, fields).map_err(|problem| problem.message)
        })
        .await
    }

    async fn edit(&self, resource: Resource, id: u64, change: Value) -> Result<(), String> {
        let map: Map<String, Value> = serde_json::from_value(change).map_err(|e| e.to_string())?;
        self.by_hand(|books| {
            let fields = Fields::new(resource.wrapper(), &map);
            account::update(books, resource, id, fields).map_err(|problem| problem.message)
        })
        .await
    }

    fn set(&self, change: impl FnOnce(&mut Options)) {
        change(Arc::make_mut(&mut self.server.books().options));
    }

    async fn by_hand<T>(&self, change: impl FnOnce(&mut Books) -> Result<T, String>) -> Result<T, String> {
        let (done, left) = {
            let mut books = self.server.books();
            let done = change(&mut books)?;
            (done, Left::behind(&mut books))
        };
        server::keep(&self.server, left).await?;
        Ok(done)
    }
}

impl Drop for FreshBooks {
    fn drop(&mut self) {
        self.server.closed.cancel();
    }
}

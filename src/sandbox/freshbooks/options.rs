//! How one simulated FreshBooks account is set up, and which of FreshBooks' undocumented answers it gives.
//!
//! Wherever nobody outside FreshBooks knows what it does, there is a switch here, so that a test can show that the service does not care.

use std::{fmt, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::oauth;

/// Takes one line about a change and comes back once it is safe; the answer to the caller waits for that.
pub type Journal = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What the simulator takes for the present.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Where cents are rounded, and which way a tie goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Each tax of each line, ties away from zero.
    #[default]
    LineHalfUp,
    /// Each tax of each line, ties to the even cent.
    LineHalfEven,
    /// Each tax once over the whole document, ties away from zero.
    InvoiceHalfUp,
    /// Each tax once over the whole document, ties to the even cent.
    InvoiceHalfEven,
    /// All taxes of a line as one sum, ties away from zero: a rule that no recording fits, for whoever must live with a surprise.
    TaxesTogether,
}

/// What happens to a second invoice with the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateNumbers {
    /// HTTP 422 that names the field `invoice_number`; deleted invoices count too.
    #[default]
    Refuse,
    /// Both exist.
    Accept,
}

/// What happens to a new invoice or credit note of a client who is archived or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HiddenClients {
    /// HTTP 422 that names the field with the client's id.
    #[default]
    Refuse,
    /// The same for a deleted one; an archived one is like any other.
    RefuseDeleted,
    /// The document is made.
    Accept,
}

/// The two shapes of an accounting error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStyle {
    /// `response.errors[]` with a numeric `errno`.
    #[default]
    Old,
    /// The google.rpc shape, with the errno as the text `reason`.
    New,
}

/// One more business the person belongs to. The sandbox keeps no books for it: its account, if it has one, tells of its system, lists
/// nothing, and answers writes with HTTP 501.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Business {
    /// The business's id.
    pub id: u64,
    /// The business's other id.
    pub uuid: String,
    /// The name the merchant sees.
    pub name: String,
    /// Its account, where it has one.
    pub account_id: Option<String>,
    /// The home currency of its account.
    pub currency_code: String,
    /// The person's role in the business.
    pub role: String,
    /// The person's role in the account; as in the business when `None`.
    pub account_role: Option<String>,
    /// `active`, `active_trial`, `cancelled`.
    pub subscription: String,
}

impl Business {
    /// A business the person owns, with an active account in Canadian dollars or none.
    pub fn new(id: u64, name: &str, account_id: Option<&str>) -> Business {
        Business {
            id,
            uuid: super::identity::business_uuid(id),
            name: name.to_owned(),
            account_id: account_id.map(str::to_owned),
            currency_code: "CAD".to_owned(),
            role: "owner".to_owned(),
            account_role: None,
            subscription: "active".to_owned(),
        }
    }
}

/// How a right verifier fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedVerification {
    /// HTTP 400, as for a wrong one.
    Refused,
    /// HTTP 200, and the callback stays unverified.
    Unheeded,
}

/// How callbacks behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackOptions {
    /// A create answers only after the verification has reached the address and was answered there, or failed.
    pub verify_before_create_returns: bool,
    /// Verifications leave this much later.
    pub verify_delay: Option<Duration>,
    /// A right verifier does not help.
    pub fail_verification: Option<FailedVerification>,
    /// Verifications carry a signature.
    pub sign_verification: bool,
    /// Registering needs the read scope of what the event is about.
    pub need_scope: bool,
    /// A DELETE answers 204 without a body, not 200.
    pub delete_answers_204: bool,
    /// What happens to a payment is an `invoice.update` too.
    pub payments_touch_invoices: bool,
    /// A new invoice is a `client.update` too.
    pub invoices_touch_clients: bool,
    /// A field that nobody has documented, in every notification of an event.
    pub extra_field: Option<(String, String)>,
    /// Every event is notified twice.
    pub duplicates: bool,
    /// How often the notification of an event is tried again when the address does not take it.
    pub retries: u32,
    /// The time before the first of these tries; each is twice the one before.
    pub retry_gap: Duration,
}

impl Default for CallbackOptions {
    fn default() -> Self {
        CallbackOptions {
            verify_before_create_returns: false,
            verify_delay: None,
            fail_verification: None,
            sign_verification: false,
            need_scope: false,
            delete_answers_204: false,
            payments_touch_invoices: true,
            invoices_touch_clients: true,
            extra_field: None,
            duplicates: false,
            retries: 3,
            retry_gap: Duration::from_secs(1),
        }
    }
}

/// One account, one app registered with it, and the switches.
#[derive(Clone)]
pub struct Options {
    /// The accounting id in paths; case sensitive.
    pub account_id: String,
    /// The id of the business, another number than the account's.
    pub business_id: u64,
    /// The name the merchant sees.
    pub business_name: String,
    /// The home currency: that of clients which name none.
    pub currency_code: String,
    /// An access token that works from the start.
    pub access_token: String,
    /// The refresh token that goes with it; single use.
    pub refresh_token: String,
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// Redirect URIs registered for the app; when empty any will do that has no query.
    pub redirect_uris: Vec<String>,
    /// The person's role in the business.
    pub role: String,
    /// The person's role in the account; as in the business when `None`. A `client` may not write, and reads nothing.
    pub account_role: Option<String>,
    /// The identity tells no roles in accounts at all; they count all the same.
    pub without_roles: bool,
    /// The business has no account: its `account_id` is null, and calls do not find the books.
    pub without_account: bool,
    /// `active`, `active_trial`, `cancelled`: with any but the first two nobody may write.
    pub subscription: String,
    /// How many active clients the plan allows; any number when -1.
    pub client_limit: i64,
    /// More businesses of the same person, listed behind the first.
    pub more_businesses: Vec<Business>,
    /// Accounts of others that the person is a client of: they are among the roles and belong to no business.
    pub client_of: Vec<String>,
    /// The person grants no more than these scopes; all that is asked for when `None`. The identity is always granted.
    pub grant_only: Option<Vec<String>>,
    /// How long an access token lives; twelve hours on the platform.
    pub token_lives: TimeDelta,
    /// Pairs claim to have been made this many seconds before they were, and end a second early on top, as one refresh was seen to do.
    pub created_earlier: Option<u32>,
    /// Where cents are rounded.
    pub rounding: Rounding,
    /// Whether `status: 2` in a create is obeyed or silently dropped.
    pub honours_status_in_create: bool,
    /// What happens to a second invoice with the same number.
    pub duplicate_numbers: DuplicateNumbers,
    /// What happens to new documents of archived and deleted clients.
    pub hidden_clients: HiddenClients,
    /// The longest `name` of a line, in characters; none is known.
    pub longest_line_name: Option<usize>,
    /// The shape of accounting errors.
    pub error_style: ErrorStyle,
    /// The `status` a fully paid invoice reads: 4 as documented, or 2 as partially paid ones were recorded.
    pub paid_status: i64,
    /// Whether a payment on a draft shows in `v3_status`, or the draft keeps calling itself a draft.
    pub payment_shows_on_draft: bool,
    /// Whether an access token outlives the refresh that replaced it.
    pub old_token_survives: bool,
    /// How callbacks behave.
    pub callbacks: CallbackOptions,
    /// The simulator's clock.
    pub now: Now,
    /// Where changes are kept, if anywhere.
    pub journal: Option<Journal>,
    /// Lines a journal took in an earlier life, in any order.
    pub restored: Vec<String>,
    /// Where to listen; a free port of 127.0.0.1 when `None`.
    pub listen: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            account_id: "SbX7q1".to_owned(),
            business_id: 14_700_001,
            business_name: "Sandbox Books".to_owned(),
            currency_code: "CAD".to_owned(),
            access_token: "sandbox-access-token".to_owned(),
            refresh_token: "sandbox-refresh-token".to_owned(),
            client_id: "sandbox-client-id".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            redirect_uris: Vec::new(),
            role: "owner".to_owned(),
            account_role: None,
            without_roles: false,
            without_account: false,
            subscription: "active".to_owned(),
            client_limit: -1,
            more_businesses: Vec::new(),
            client_of: Vec::new(),
            grant_only: None,
            token_lives: oauth::TOKEN_LIVES,
            created_earlier: None,
            rounding: Rounding::default(),
            honours_status_in_create: true,
            duplicate_numbers: DuplicateNumbers::default(),
            hidden_clients: HiddenClients::default(),
            longest_line_name: None,
            error_style: ErrorStyle::default(),
            paid_status: 4,
            payment_shows_on_draft: true,
            old_token_survives: false,
            callbacks: CallbackOptions::default(),
            now: Arc::new(|| DateTime::from(std::time::SystemTime::now())),
            journal: None,
            restored: Vec::new(),
            listen: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

//! Which call a request is, and what it is called in fault rules and counts.

use axum::http::Method;

/// A resource of the accounting family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Client,
    Invoice,
    Payment,
    CreditNote,
    Tax,
}

impl Resource {
    fn of(family: &str, name: &str) -> Option<Resource> {
        Some(match (family, name) {
            ("users", "clients") => Resource::Client,
            ("invoices", "invoices") => Resource::Invoice,
            ("payments", "payments") => Resource::Payment,
            ("credit_notes", "credit_notes") => Resource::CreditNote,
            ("taxes", "taxes") => Resource::Tax,
            _ => return None,
        })
    }

    /// The key around the object in a body.
    pub(super) fn wrapper(self) -> &'static str {
        match self {
            Resource::Client => "client",
            Resource::Invoice => "invoice",
            Resource::Payment => "payment",
            Resource::CreditNote => "credit_note",
            Resource::Tax => "tax",
        }
    }

    /// The object's name in scopes.
    pub(super) fn scope(self) -> &'static str {
        match self {
            Resource::Client => "clients",
            Resource::Invoice => "invoices",
            Resource::Payment => "payments",
            Resource::CreditNote => "credit_notes",
            Resource::Tax => "taxes",
        }
    }

    fn name(self, plural: bool) -> &'static str {
        match (self, plural) {
            (Resource::Client, false) => "Client",
            (Resource::Client, true) => "Clients",
            (Resource::Invoice, false) => "Invoice",
            (Resource::Invoice, true) => "Invoices",
            (Resource::Payment, false) => "Payment",
            (Resource::Payment, true) => "Payments",
            (Resource::CreditNote, false) => "CreditNote",
            (Resource::CreditNote, true) => "CreditNotes",
            (Resource::Tax, false) => "Tax",
            (Resource::Tax, true) => "Taxes",
        }
    }
}

/// What is asked of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Get(u64),
    Create,
    Update(u64),
    Delete(u64),
}

impl Verb {
    /// From the method and what follows the collection's path.
    fn of(method: &str, rest: &[&str]) -> Option<Verb> {
        let id = match rest {
            [] => None,
            [id] => Some(id.parse().ok()?),
            _ => return None,
        };
        Some(match (method, id) {
            ("GET", None) => Verb::List,
            ("POST", None) => Verb::Create,
            ("GET", Some(id)) => Verb::Get(id),
            ("PUT", Some(id)) => Verb::Update(id),
            ("DELETE", Some(id)) => Verb::Delete(id),
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Verb::List => "List",
            Verb::Get(_) => "Get",
            Verb::Create => "Create",
            Verb::Update(_) => "Update",
            Verb::Delete(_) => "Delete",
        }
    }

    pub(super) fn writes(self) -> bool {
        !matches!(self, Verb::List | Verb::Get(_))
    }
}

/// A call the simulator knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Authorize,
    Token,
    Revoke,
    Me,
    System { account: String, business: String },
    Accounting { account: String, resource: Resource, verb: Verb },
    Callbacks { account: String, verb: Verb },
    Unknown,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Route {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["oauth", "authorize"]) => Route::Authorize,
            ("POST", ["auth", "oauth", "token"]) => Route::Token,
            ("POST", ["auth", "oauth", "revoke"]) => Route::Revoke,
            ("GET", ["auth", "api", "v1", "users", "me"]) => Route::Me,
            ("GET", ["accounting", "account", account, "systems", "systems", business]) => {
                Route::System { account: (*account).to_owned(), business: (*business).to_owned() }
            }
            (method, ["accounting", "account", account, family, name, rest @ ..]) => {
                let Some(resource) = Resource::of(family, name) else { return Route::Unknown };
                let Some(verb) = Verb::of(method, rest) else { return Route::Unknown };
                Route::Accounting { account: (*account).to_owned(), resource, verb }
            }
            (method, ["events", "account", account, "events", "callbacks", rest @ ..]) => {
                let Some(verb) = Verb::of(method, rest) else { return Route::Unknown };
                Route::Callbacks { account: (*account).to_owned(), verb }
            }
            _ => Route::Unknown,
        }
    }

    /// `CreateInvoice`, `ListClients`, `Token`, …
    pub(super) fn call(&self) -> String {
        match self {
            Route::Authorize => "Authorize".to_owned(),
            Route::Token => "Token".to_owned(),
            Route::Revoke => "Revoke".to_owned(),
            Route::Me => "Me".to_owned(),
            Route::System { .. } => "System".to_owned(),
            Route::Unknown => "Unknown".to_owned(),
            Route::Accounting { resource, verb, .. } => {
                format!("{}{}", verb.name(), resource.name(*verb == Verb::List))
            }
            Route::Callbacks { verb, .. } => {
                format!("{}{}", verb.name(), if *verb == Verb::List { "Callbacks" } else { "Callback" })
            }
        }
    }
}

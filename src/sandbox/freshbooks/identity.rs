//! Who the caller is, which businesses they belong to, and what they may do in each one's account.
//!
//! Three ids that are easily mistaken for each other come back here: the account's, the business's and the membership's.

use serde_json::{Map, Value, json};

use super::{
    books::Books,
    oauth::Answer,
    options::{Business, Options},
};

/// The person's id.
pub(super) const IDENTITY: u64 = 14_000_001;

/// The person's place in one account.
pub(super) struct Seat {
    pub(super) role: String,
    subscription: String,
    /// These are the books kept here, not an account in name only.
    own: bool,
}

impl Seat {
    /// In which accounts the person has one; the wrong kind of id is as unknown as a made-up one.
    pub(super) fn find(options: &Options, account: &str) -> Option<Seat> {
        let at = |business: &Business| business.account_id.as_deref() == Some(account);
        let found = businesses(options).position(|business| at(&business));
        let of = |place| Some((place, businesses(options).nth(place)?));
        if let Some((place, business)) = found.and_then(of) {
            return Some(Seat { role: account_role(&business), subscription: business.subscription, own: place == 0 });
        }
        let client = options.client_of.iter().any(|known| known == account);
        client.then(|| Seat { role: "client".to_owned(), subscription: "active".to_owned(), own: false })
    }

    /// The account's subscription lets people write.
    pub(super) fn paid_for(&self) -> bool {
        matches!(self.subscription.as_str(), "active" | "active_trial")
    }

    /// The person sees what is in the account; a client sees only what is addressed to them, and nothing is.
    pub(super) fn sees_books(&self) -> bool {
        self.own && self.role != "client"
    }
}

/// `GET /auth/api/v1/users/me`: the one success without `result`.
pub(super) fn me(books: &Books) -> Answer {
    let options = &books.options;
    let all: Vec<Business> = businesses(options).collect();
    // The membership's id is a trap: it is neither the business's nor the account's.
    let numbered = || all.iter().zip(40_000_001_u64..);
    let groups = numbered().map(|(business, id)| {
        json!({"id": id, "group_id": id - 12_000_000, "role": business.role, "identity_id": IDENTITY,
            "business_id": business.id, "active": true})
    });
    let memberships = numbered().map(|(business, id)| {
        json!({"id": id, "role": business.role, "unacknowledged_change": false, "fasttrack_token": null,
            "business": described(business)})
    });
    let accounts = || all.iter().filter_map(|business| Some((business.account_id.as_ref()?, business)));
    let by_account = |value: &dyn Fn(&Business) -> Value| -> Map<String, Value> {
        accounts().map(|(account, business)| (account.clone(), value(business))).collect()
    };
    let limit = |business: &Business| if business.id == options.business_id { options.client_limit } else { -1 };
    let mut me = json!({
        "id": IDENTITY, "identity_id": IDENTITY, "identity_uuid": business_uuid(IDENTITY),
        "first_name": "Sandbox", "last_name": "Owner", "email": "owner@example.com", "language": "en",
        "confirmed_at": null, "created_at": "2026-01-05T12:00:00Z", "unconfirmed_email": null,
        "setup_complete": true, "phone_numbers": [{"title": "", "phone_number": null}], "addresses": [null],
        "profession": null, "profile": {"timezone": "America/Toronto"},
        "permissions": by_account(&|business| json!({"client.limit": limit(business), "advanced_accounting.access": true})),
        "groups": groups.collect::<Vec<_>>(),
        "subscription_statuses": by_account(&|business| json!(business.subscription)),
        "business_statuses": by_account(&|_| json!("active")),
        "integrations": {},
        "business_memberships": memberships.collect::<Vec<_>>(),
        "identity_origin": null,
    });
    if !options.without_roles {
        let held = accounts().map(|(account, business)| (account.as_str(), account_role(business)));
        let others = options.client_of.iter().map(|account| (account.as_str(), "client".to_owned()));
        let role = |((account, role), id): ((&str, String), u64)| {
            json!({"id": id, "role": role, "systemid": id + 589_000, "userid": 1, "created_at": "2026-01-05T12:00:00Z",
                "accountid": account})
        };
        me["roles"] = held.chain(others).zip(61_000..).map(role).collect();
    }
    (200, json!({"response": me}))
}

fn described(business: &Business) -> Value {
    json!({
        "id": business.id, "business_uuid": business.uuid, "name": business.name, "account_id": business.account_id,
        "number_format": "#,##0.##", "date_format": "mm/dd/yyyy", "first_day_of_week": "sunday", "active": true,
        "timezone": "America/Toronto", "status": "active", "advanced_accounting_enabled": true, "industry": null,
        "billing_country_code": "CA", "business_type": null,
        "address": {"id": 1, "street": "1 Example Street", "city": "Toronto", "province": "Ontario",
            "country": "Canada", "postal_code": "A1A 1A1"},
        "phone_number": null, "business_clients": [],
    })
}

/// `GET …/systems/systems/{businessId}`, where the account is that business's.
pub(super) fn system(books: &Books, account: &str, business: &str) -> Option<Value> {
    let mut all = businesses(&books.options);
    let business =
        all.find(|known| known.account_id.as_deref() == Some(account) && known.id.to_string() == business)?;
    Some(json!({"response": {"result": {"system": {
        "id": business.id, "accountid": account, "name": business.name,
        "currency_code": business.currency_code, "timezone": "America/Toronto", "country": "Canada",
        "street": "1 Example Street", "street2": "", "city": "Toronto", "province": "Ontario", "code": "A1A 1A1",
        "modern_system": true,
    }}}}))
}

/// The one whose books are kept here, then the others.
fn businesses(options: &Options) -> impl Iterator<Item = Business> + '_ {
    let own = Business {
        account_id: (!options.without_account).then(|| options.account_id.clone()),
        currency_code: options.currency_code.clone(),
        role: options.role.clone(),
        account_role: options.account_role.clone(),
        subscription: options.subscription.clone(),
        ..Business::new(options.business_id, &options.business_name, None)
    };
    std::iter::once(own).chain(options.more_businesses.iter().cloned())
}

fn account_role(business: &Business) -> String {
    business.account_role.as_ref().unwrap_or(&business.role).clone()
}

pub(super) fn business_uuid(id: u64) -> String {
    uuid::Uuid::from_u64_pair(0x5a4d_0000_0000_4000, 0x8000_0000_0000_0000 | id).to_string()
}

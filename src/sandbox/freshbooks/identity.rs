//! Who the caller is and which business the books belong to.
//!
//! Three ids that are easily mistaken for each other come back here: the account's, the business's and the membership's.

use serde_json::{Value, json};

use super::{books::Books, oauth::Answer};

/// `GET /auth/api/v1/users/me`: the one success without `result`.
pub(super) fn me(books: &Books) -> Answer {
    let options = &books.options;
    let account = options.account_id.as_str();
    let business = json!({
        "id": options.business_id, "business_uuid": business_uuid(options.business_id), "name": options.business_name,
        "account_id": account, "number_format": "#,##0.##", "date_format": "mm/dd/yyyy",
        "first_day_of_week": "sunday", "active": true, "timezone": "America/Toronto", "status": "active",
        "advanced_accounting_enabled": true, "industry": null, "billing_country_code": "CA", "business_type": null,
        "address": {"id": 1, "street": "1 Example Street", "city": "Toronto", "province": "Ontario",
            "country": "Canada", "postal_code": "A1A 1A1"},
        "phone_number": null, "business_clients": [],
    });
    let me = json!({
        "id": 14_000_001, "identity_id": 14_000_001, "identity_uuid": business_uuid(14_000_001),
        "first_name": "Sandbox", "last_name": "Owner", "email": "owner@example.com", "language": "en",
        "confirmed_at": null, "created_at": "2026-01-05T12:00:00Z", "unconfirmed_email": null,
        "setup_complete": true, "phone_numbers": [{"title": "", "phone_number": null}], "addresses": [null],
        "profession": null, "profile": {"timezone": "America/Toronto"},
        "permissions": {(account): {"client.limit": -1, "advanced_accounting.access": true}},
        "groups": [{"id": 40_000_001, "group_id": 28_000_001, "role": options.role, "identity_id": 14_000_001,
            "business_id": options.business_id, "active": true}],
        "subscription_statuses": {(account): "active"}, "business_statuses": {(account): "active"},
        "integrations": {},
        // The membership's id is a trap: it is neither the business's nor the account's.
        "business_memberships": [{"id": 40_000_001, "role": options.role, "unacknowledged_change": false,
            "fasttrack_token": null, "business": business}],
        "identity_origin": null,
        "roles": [{"id": 61_000, "role": options.role, "systemid": 650_000, "userid": 1,
            "created_at": "2026-01-05T12:00:00Z", "accountid": account}],
    });
    (200, json!({"response": me}))
}

/// `GET …/systems/systems/{businessId}`.
pub(super) fn system(books: &Books) -> Value {
    let options = &books.options;
    json!({"response": {"result": {"system": {
        "id": options.business_id, "accountid": options.account_id, "name": options.business_name,
        "currency_code": options.currency_code, "timezone": "America/Toronto", "country": "Canada",
        "street": "1 Example Street", "street2": "", "city": "Toronto", "province": "Ontario", "code": "A1A 1A1",
        "modern_system": true,
    }}}})
}

fn business_uuid(id: u64) -> String {
    uuid::Uuid::from_u64_pair(0x5a4d_0000_0000_4000, 0x8000_0000_0000_0000 | id).to_string()
}

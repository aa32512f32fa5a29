//! The shop, and what the app does in it.

use chrono::{DateTime, Offset, SecondsFormat, TimeZone, Utc};
use serde_json::{Value, json};

use super::{Rest, code, gid, snake};
use crate::sandbox::shopify::{bulk::Seen, model::Customer};

impl Rest {
    /// The body of `shop/update` and `app/uninstalled`.
    pub(in crate::sandbox::shopify::webhook) fn shop(&self) -> Value {
        let facts = &self.facts;
        let currencies = facts.presentment_currencies.iter();
        let mut body = json!({
            "id": facts.id,
            "name": facts.name,
            "email": facts.email,
            "domain": self.domain,
            "myshopify_domain": self.domain,
            "address1": "1 Sandbox Square",
            "address2": Value::Null,
            "city": "Toronto",
            "province": "Ontario",
            "province_code": "ON",
            "zip": "M5V 0A1",
            "country": "CA",
            "country_code": "CA",
            "country_name": "Canada",
            "phone": Value::Null,
            "latitude": Value::Null,
            "longitude": Value::Null,
            "source": Value::Null,
            "primary_locale": "en",
            "created_at": self.time(facts.created_at),
            "updated_at": self.time(self.facts_changed_at),
            "currency": code(facts.currency),
            "customer_email": facts.email,
            "timezone": self.timezone(),
            "iana_timezone": facts.zone.name(),
            "shop_owner": "Sandbox Owner",
            "money_format": "${{amount}}",
            "money_with_currency_format": format!("${{{{amount}}}} {}", code(facts.currency)),
            "money_in_emails_format": "${{amount}}",
            "money_with_currency_in_emails_format": format!("${{{{amount}}}} {}", code(facts.currency)),
            "taxes_included": facts.taxes_included,
            "plan_display_name": facts.plan,
            "enabled_presentment_currencies": currencies.map(|currency| code(*currency)).collect::<Value>(),
        });
        for (name, value) in features() {
            body[name] = value;
        }
        body
    }

    /// `(GMT-05:00) America/Toronto`.
    fn timezone(&self) -> String {
        let offset = self.facts.zone.offset_from_utc_datetime(&self.facts_changed_at.naive_utc()).fix();
        format!("(GMT{offset}) {}", self.facts.zone.name())
    }

    /// The body of `app/scopes_update`.
    pub(in crate::sandbox::shopify::webhook) fn scopes(
        &self,
        previous: &[String],
        current: &[String],
        now: DateTime<Utc>,
    ) -> Value {
        json!({
            "id": gid("AppInstallation", self.facts.id),
            "previous": previous,
            "current": current,
            "updated_at": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        })
    }

    /// The body of `bulk_operations/finish`; where the file is must be asked for.
    pub(in crate::sandbox::shopify::webhook) fn bulk_operation(&self, seen: &Seen) -> Value {
        let utc = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        json!({
            "admin_graphql_api_id": gid("BulkOperation", seen.id),
            "completed_at": seen.completed_at.map(utc),
            "created_at": utc(seen.created_at),
            "error_code": seen.error.map(snake),
            "status": snake(seen.status),
            "type": "query",
        })
    }

    /// What the compliance topics all begin with, and the whole of `shop/redact`.
    pub(in crate::sandbox::shopify::webhook) fn redacted_shop(&self) -> Value {
        json!({ "shop_id": self.facts.id, "shop_domain": self.domain })
    }

    /// Of whom data is asked for or erased; sent whatever the app is approved for.
    pub(in crate::sandbox::shopify::webhook) fn concerned(&self, id: u64, customer: Option<&Customer>) -> Value {
        json!({
            "id": id,
            "email": customer.and_then(|customer| customer.email.as_deref()),
            "phone": customer.and_then(|customer| customer.phone.as_deref()),
        })
    }
}

/// What is the same in every simulated shop.
fn features() -> [(&'static str, Value); 21] {
    [
        ("weight_unit", "kg".into()),
        ("auto_configure_tax_inclusivity", Value::Null),
        ("tax_shipping", true.into()),
        ("county_taxes", true.into()),
        ("plan_name", "partner_test".into()),
        ("has_discounts", true.into()),
        ("has_gift_cards", true.into()),
        ("google_apps_domain", Value::Null),
        ("google_apps_login_enabled", Value::Null),
        ("eligible_for_payments", true.into()),
        ("requires_extra_payments_agreement", false.into()),
        ("password_enabled", false.into()),
        ("has_storefront", true.into()),
        ("finances", true.into()),
        ("primary_location_id", 655_441_491.into()),
        ("checkout_api_supported", true.into()),
        ("multi_location_enabled", true.into()),
        ("setup_required", false.into()),
        ("pre_launch_enabled", false.into()),
        ("marketing_sms_consent_enabled_at_checkout", false.into()),
        ("transactional_sms_disabled", false.into()),
    ]
}

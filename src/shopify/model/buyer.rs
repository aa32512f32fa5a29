//! Who bought: a person, of whom every field may be missing, or a company and one of its branches.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Gid;

/// Who bought. Every personal field may be missing: they need Shopify's approval, field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Customer {
    pub id: Gid,
    /// Missing in snapshots from before it was read.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    /// False where nothing says so, as in snapshots from before it was read: an address that nobody has verified must not lead one
    /// person's orders to another's client.
    #[serde(default)]
    pub verified_email: bool,
    pub tax_settings: Option<TaxSettings>,
    pub default_email_address: Option<EmailAddress>,
    pub default_phone_number: Option<PhoneNumber>,
}

/// How the customer is taxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaxSettings {
    /// The customer's own registration for sales tax.
    pub tax_id: Option<String>,
}

/// Who the order was placed for: a person, of whom nothing is read here, or a company and one of its locations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct PurchasingEntity {
    pub company: Option<Company>,
    pub location: Option<CompanyLocation>,
}

/// A company that buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Company {
    pub id: Gid,
    pub name: String,
}

/// The branch of a company that buys; taxes are registered by branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct CompanyLocation {
    pub id: Gid,
    pub name: String,
    pub tax_settings: Option<CompanyTaxSettings>,
}

/// How a branch is taxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct CompanyTaxSettings {
    pub tax_registration_id: Option<String>,
}

/// The customer's main e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailAddress {
    /// Null without approval for protected data.
    pub email_address: Option<String>,
}

/// The customer's main telephone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumber {
    /// Null without approval for protected data.
    pub phone_number: Option<String>,
}

/// A postal address; every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct MailingAddress {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub zip: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_customer_stored_before_verification_was_read_counts_as_unverified() {
        let stored = json!({"id": "gid://shopify/Customer/7", "firstName": "Ada"});
        let customer: Customer = from_value(stored).unwrap();
        assert!(!customer.verified_email);
        assert_eq!(customer.tax_settings, None);
    }

    #[test]
    fn a_person_is_a_purchasing_entity_without_a_company() {
        let person: PurchasingEntity = from_value(json!({})).unwrap();
        assert_eq!(person, PurchasingEntity { company: None, location: None });
        let company = json!({"company": {"id": "gid://shopify/Company/5", "name": "Acme"},
            "location": {"id": "gid://shopify/CompanyLocation/6", "name": "Paris", "taxSettings": {"taxRegistrationId": "FR1"}}});
        let entity: PurchasingEntity = from_value(company.clone()).unwrap();
        assert_eq!(json!(entity), company);
    }
}

//! Buyers and addresses.

use serde_json::{Map, Value, json};

use super::{Rest, code, gid};
use crate::sandbox::shopify::model::{Address, Customer};

impl Rest {
    /// The body of `customers/update`; inside an order it comes without the list of addresses.
    pub(in crate::sandbox::shopify::webhook) fn customer(&self, customer: &Customer, alone: bool) -> Value {
        let address = customer.address.as_ref().map(|address| self.own_address(customer, address));
        let mut body = json!({
            "id": customer.id,
            "admin_graphql_api_id": gid("Customer", customer.id),
            "email": self.personal(&customer.email),
            "first_name": self.personal(&customer.first_name),
            "last_name": self.personal(&customer.last_name),
            "phone": self.personal(&customer.phone),
            "state": "disabled",
            "note": customer.note,
            "verified_email": customer.verified_email,
            "multipass_identifier": Value::Null,
            "tax_exempt": customer.tax_exempt,
            "tax_exemptions": [],
            "currency": code(self.facts.currency),
            "created_at": self.time(customer.created_at),
            "updated_at": self.time(customer.updated_at),
            "default_address": address,
        });
        if alone {
            body["addresses"] = address.into_iter().collect();
        }
        body
    }

    /// The address of an order.
    pub(super) fn address(&self, address: &Address) -> Value {
        Value::Object(self.parts(address))
    }

    fn own_address(&self, customer: &Customer, address: &Address) -> Value {
        let mut body = self.parts(address);
        for key in ["latitude", "longitude"] {
            body.remove(key);
        }
        body.insert("id".to_owned(), customer.id.into());
        body.insert("customer_id".to_owned(), customer.id.into());
        body.insert("country_name".to_owned(), json!(address.country.map(|country| country.name())));
        body.insert("default".to_owned(), true.into());
        Value::Object(body)
    }

    // City, province, country and company are nobody's secret.
    fn parts(&self, address: &Address) -> Map<String, Value> {
        let names = [self.personal(&address.first_name), self.personal(&address.last_name)];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let parts = json!({
            "first_name": names[0],
            "last_name": names[1],
            "name": self.personal.then_some(name),
            "company": address.company,
            "address1": self.personal(&address.address1),
            "address2": self.personal(&address.address2),
            "city": address.city,
            "province": address.province,
            "province_code": address.province_code,
            "zip": self.personal(&address.zip),
            "country": address.country.map(|country| country.name()),
            "country_code": address.country.map(|country| format!("{country:?}").to_uppercase()),
            "phone": self.personal(&address.phone),
            "latitude": Value::Null,
            "longitude": Value::Null,
        });
        if let Value::Object(parts) = parts { parts } else { Map::new() }
    }
}

//! Who buys: customers, guests, walk-ins.

use std::sync::Arc;

use super::{Draft, instant};
use crate::sandbox::shopify::model::{Address, CountryCode, Customer, PurchasingCompany};

/// A customer with this id; the e-mail address is left out when empty.
pub fn customer(id: u64, first: &str, last: &str, email: &str) -> Customer {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Customer {
        id,
        first_name: some(first),
        last_name: some(last),
        email: some(email),
        verified_email: true,
        phone: None,
        tax_id: None,
        locale: "en".to_owned(),
        note: None,
        tax_exempt: false,
        created_at: instant("2026-08-01T09:00:00Z"),
        updated_at: instant("2026-09-01T09:00:00Z"),
        address: None,
    }
}

/// An address in one of the places that the samples know; the rest of it is made up from the city.
pub fn address(first: &str, last: &str, city: &str, province: &str, zip: &str, country: CountryCode) -> Address {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Address {
        first_name: some(first),
        last_name: some(last),
        address1: some("12 Sample Street"),
        city: some(city),
        province: some(province),
        province_code: some(province),
        zip: some(zip),
        country: Some(country),
        ..Address::default()
    }
}

impl Customer {
    /// Nobody has shown that the e-mail address is theirs.
    #[must_use]
    pub fn unverified(mut self) -> Customer {
        self.verified_email = false;
        self
    }

    /// Their own registration for sales tax.
    #[must_use]
    pub fn tax_id(mut self, id: &str) -> Customer {
        self.tax_id = Some(id.to_owned());
        self
    }
}

impl Draft {
    /// Bought by a customer, who also receives it at their address.
    #[must_use]
    pub fn customer(mut self, customer: impl Into<Arc<Customer>>) -> Draft {
        let customer = customer.into();
        self.order.email.clone_from(&customer.email);
        self.order.billing.clone_from(&customer.address);
        self.order.shipping.clone_from(&customer.address);
        self.order.customer = Some(customer);
        self
    }

    /// Bought for a company, by whoever the customer is. Its branch has the company's name.
    #[must_use]
    pub fn company(mut self, id: u64, name: &str) -> Draft {
        let (name, location) = (name.to_owned(), name.to_owned());
        let company = PurchasingCompany { id, name, location_id: id + 1, location, tax_registration_id: None };
        self.order.company = Some(company.into());
        self
    }

    /// The registration for sales tax of the branch that the company named last buys for.
    #[must_use]
    pub fn tax_registration(mut self, number: &str) -> Draft {
        if let Some(company) = self.order.company.as_mut() {
            Arc::make_mut(company).tax_registration_id = Some(number.to_owned());
        }
        self
    }

    /// Bought without a customer record, with an e-mail address.
    #[must_use]
    pub fn guest(mut self, email: &str) -> Draft {
        self.order.email = Some(email.to_owned());
        self.order.customer = None;
        self
    }

    /// Bought at the till: no customer, no address, nothing to write to.
    #[must_use]
    pub fn walk_in(mut self) -> Draft {
        self.order.email = None;
        self.order.customer = None;
        self.order.billing = None;
        self.order.shipping = None;
        self.source("pos")
    }

    /// The telephone number left with the order.
    #[must_use]
    pub fn phone(mut self, phone: &str) -> Draft {
        self.order.phone = Some(phone.to_owned());
        self
    }

    /// Where the invoice goes.
    #[must_use]
    pub fn bill_to(mut self, address: impl Into<Arc<Address>>) -> Draft {
        self.order.billing = Some(address.into());
        self
    }

    /// Where the goods go.
    #[must_use]
    pub fn ship_to(mut self, address: impl Into<Arc<Address>>) -> Draft {
        self.order.shipping = Some(address.into());
        self
    }
}

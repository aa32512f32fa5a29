//! Buyers and addresses. Protected data is null unless the app was approved for it.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject, Union};

use super::{
    access::protected,
    scalar::{Instant, UnsignedInt64, gid},
};
use crate::sandbox::shopify::model::{Address, CountryCode, Customer, CustomerState, PurchasingCompany};

/// A buyer.
#[derive(Clone, Debug)]
pub(super) struct CustomerObject(pub(super) Arc<Customer>);

#[Object(name = "Customer")]
impl CustomerObject {
    pub(super) async fn id(&self) -> ID {
        gid("Customer", self.0.id)
    }

    async fn legacy_resource_id(&self) -> UnsignedInt64 {
        UnsignedInt64(self.0.id)
    }

    async fn first_name(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.0.first_name.as_deref())
    }

    async fn last_name(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.0.last_name.as_deref())
    }

    async fn display_name(&self, ctx: &Context<'_>) -> String {
        let parts = [self.0.first_name.as_deref(), self.0.last_name.as_deref()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { self.0.email.clone().unwrap_or_default() } else { name };
        protected(ctx, Some(name)).unwrap_or_default()
    }

    async fn default_email_address(&self, ctx: &Context<'_>) -> Option<CustomerEmailAddress> {
        let email_address = protected(ctx, self.0.email.clone())?;
        let valid_format = email_address.contains('@');
        Some(CustomerEmailAddress { email_address, valid_format })
    }

    async fn default_phone_number(&self, ctx: &Context<'_>) -> Option<CustomerPhoneNumber> {
        protected(ctx, self.0.phone.clone()).map(|phone_number| CustomerPhoneNumber { phone_number })
    }

    async fn default_address(&self) -> Option<MailingAddressObject<'_>> {
        self.0.address.as_ref().map(|address| MailingAddressObject { address, id: self.0.id })
    }

    async fn locale(&self) -> &str {
        &self.0.locale
    }

    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    async fn tax_exempt(&self) -> bool {
        self.0.tax_exempt
    }

    async fn state(&self) -> CustomerState {
        CustomerState::Disabled
    }

    async fn verified_email(&self) -> bool {
        self.0.verified_email
    }

    async fn tax_settings(&self) -> TaxSettings {
        TaxSettings { tax_id: self.0.tax_id.clone() }
    }

    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    async fn updated_at(&self) -> Instant {
        Instant(self.0.updated_at)
    }
}

/// How a buyer is taxed.
#[derive(SimpleObject)]
pub(super) struct TaxSettings {
    tax_id: Option<String>,
}

/// Who an order was placed for.
#[derive(Union)]
pub(super) enum PurchasingEntity {
    Customer(CustomerObject),
    PurchasingCompany(PurchasingCompanyObject),
}

/// A company and the branch that it buys for.
pub(super) struct PurchasingCompanyObject(pub(super) Arc<PurchasingCompany>);

#[Object(name = "PurchasingCompany")]
impl PurchasingCompanyObject {
    async fn company(&self) -> CompanyObject {
        CompanyObject { id: gid("Company", self.0.id), name: self.0.name.clone() }
    }

    async fn location(&self) -> CompanyLocationObject {
        CompanyLocationObject {
            id: gid("CompanyLocation", self.0.location_id),
            name: self.0.location.clone(),
            tax_settings: CompanyLocationTaxSettings {
                tax_exempt: false,
                tax_registration_id: self.0.tax_registration_id.clone(),
            },
        }
    }
}

/// A company.
#[derive(SimpleObject)]
#[graphql(name = "Company")]
pub(super) struct CompanyObject {
    id: ID,
    name: String,
}

/// A branch of a company.
#[derive(SimpleObject)]
#[graphql(name = "CompanyLocation")]
pub(super) struct CompanyLocationObject {
    id: ID,
    name: String,
    tax_settings: CompanyLocationTaxSettings,
}

/// How a branch is taxed.
#[derive(SimpleObject)]
pub(super) struct CompanyLocationTaxSettings {
    tax_exempt: bool,
    tax_registration_id: Option<String>,
}

/// An e-mail address.
#[derive(SimpleObject)]
pub(super) struct CustomerEmailAddress {
    email_address: String,
    valid_format: bool,
}

/// A telephone number.
#[derive(SimpleObject)]
pub(super) struct CustomerPhoneNumber {
    phone_number: String,
}

/// A postal address.
pub(super) struct MailingAddressObject<'a> {
    pub(super) address: &'a Address,
    pub(super) id: u64,
}

#[Object(name = "MailingAddress")]
impl MailingAddressObject<'_> {
    pub(super) async fn id(&self) -> ID {
        gid("MailingAddress", self.id)
    }

    async fn first_name(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.first_name.as_deref())
    }

    async fn last_name(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.last_name.as_deref())
    }

    async fn name(&self, ctx: &Context<'_>) -> Option<String> {
        let parts = [self.address.first_name.as_deref(), self.address.last_name.as_deref()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        protected(ctx, (!name.is_empty()).then_some(name))
    }

    async fn company(&self) -> Option<&str> {
        self.address.company.as_deref()
    }

    async fn address1(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.address1.as_deref())
    }

    async fn address2(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.address2.as_deref())
    }

    async fn city(&self) -> Option<&str> {
        self.address.city.as_deref()
    }

    async fn province(&self) -> Option<&str> {
        self.address.province.as_deref()
    }

    async fn province_code(&self) -> Option<&str> {
        self.address.province_code.as_deref()
    }

    async fn zip(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.zip.as_deref())
    }

    async fn country(&self) -> Option<&str> {
        self.address.country.map(CountryCode::name)
    }

    async fn country_code_v2(&self) -> Option<CountryCode> {
        self.address.country
    }

    async fn phone(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.address.phone.as_deref())
    }
}

//! The shop, the app's installation, and the versions on offer.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Offset, TimeZone, Utc};

use super::{
    Asked, World,
    scalar::{Instant, WebAddress, gid},
};
use crate::sandbox::shopify::{
    currency::CurrencyCode,
    model::CountryCode,
    options::{SUPPORTED, ShopFacts},
};

/// The shop.
#[derive(Clone, Debug)]
pub(super) struct ShopObject {
    domain: String,
    facts: Arc<ShopFacts>,
    updated_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl ShopObject {
    pub(super) fn of(world: &World) -> ShopObject {
        let knobs = world.knobs();
        let (facts, updated_at) = (Arc::clone(&knobs.facts), knobs.facts_changed_at);
        ShopObject { domain: world.settings.shop.clone(), facts, updated_at, now: world.now() }
    }

    fn facts(&self) -> &ShopFacts {
        &self.facts
    }
}

#[Object(name = "Shop")]
impl ShopObject {
    pub(super) async fn id(&self) -> ID {
        gid("Shop", self.facts().id)
    }

    async fn name(&self) -> &str {
        &self.facts().name
    }

    async fn email(&self) -> &str {
        &self.facts().email
    }

    async fn contact_email(&self) -> &str {
        &self.facts().email
    }

    async fn myshopify_domain(&self) -> &str {
        &self.domain
    }

    async fn url(&self) -> WebAddress {
        WebAddress(format!("https://{}", self.domain))
    }

    async fn primary_domain(&self) -> Domain {
        let host = self.domain.clone();
        Domain { id: gid("Domain", self.facts().id), url: WebAddress(format!("https://{host}")), host }
    }

    async fn currency_code(&self) -> CurrencyCode {
        self.facts().currency
    }

    async fn enabled_presentment_currencies(&self) -> &[CurrencyCode] {
        &self.facts().presentment_currencies
    }

    async fn taxes_included(&self) -> bool {
        self.facts().taxes_included
    }

    async fn tax_shipping(&self) -> bool {
        true
    }

    async fn iana_timezone(&self) -> &str {
        self.facts().zone.name()
    }

    async fn timezone_offset_minutes(&self) -> i32 {
        let offset = self.facts().zone.offset_from_utc_datetime(&self.now.naive_utc());
        offset.fix().local_minus_utc() / 60
    }

    async fn order_number_format_prefix(&self) -> &str {
        &self.facts().order_prefix
    }

    async fn order_number_format_suffix(&self) -> &str {
        ""
    }

    async fn created_at(&self) -> Instant {
        Instant(self.facts().created_at)
    }

    async fn updated_at(&self) -> Instant {
        Instant(self.updated_at)
    }

    async fn plan(&self) -> ShopPlan {
        ShopPlan { public_display_name: self.facts().plan.clone(), shopify_plus: false, partner_development: true }
    }

    async fn shop_address(&self) -> ShopAddress {
        ShopAddress {
            id: gid("ShopAddress", self.facts().id),
            company: Some(self.facts().name.clone()),
            address1: Some("1 Sandbox Square".to_owned()),
            address2: None,
            city: Some("Toronto".to_owned()),
            province: Some("Ontario".to_owned()),
            province_code: Some("ON".to_owned()),
            zip: Some("M5V 0A1".to_owned()),
            country: Some("Canada".to_owned()),
            country_code_v2: Some(CountryCode::Ca),
            phone: None,
        }
    }
}

/// An address on the web that belongs to the shop.
#[derive(SimpleObject)]
pub(super) struct Domain {
    id: ID,
    host: String,
    url: WebAddress,
}

/// What the merchant pays Shopify for.
#[derive(SimpleObject)]
pub(super) struct ShopPlan {
    public_display_name: String,
    shopify_plus: bool,
    partner_development: bool,
}

/// Where the shop is.
#[derive(SimpleObject)]
pub(super) struct ShopAddress {
    id: ID,
    company: Option<String>,
    address1: Option<String>,
    address2: Option<String>,
    city: Option<String>,
    province: Option<String>,
    province_code: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    #[graphql(name = "countryCodeV2")]
    country_code_v2: Option<CountryCode>,
    phone: Option<String>,
}

/// This app in this shop.
pub(super) struct AppInstallationObject(pub(super) Arc<World>);

#[Object(name = "AppInstallation")]
impl AppInstallationObject {
    pub(super) async fn id(&self) -> ID {
        gid("AppInstallation", self.0.knobs().facts.id)
    }

    async fn access_scopes(&self, ctx: &Context<'_>) -> Result<Vec<AccessScope>> {
        let scope = |handle: String| AccessScope { description: format!("May {handle}"), handle };
        Ok(ctx.data::<Asked>()?.scopes.handles().into_iter().map(scope).collect())
    }
}

/// A right of this app.
#[derive(SimpleObject)]
pub(super) struct AccessScope {
    handle: String,
    description: String,
}

/// A version of this API.
#[derive(SimpleObject)]
pub(super) struct ApiVersion {
    handle: String,
    supported: bool,
    display_name: String,
}

impl ApiVersion {
    pub(super) fn all() -> Vec<ApiVersion> {
        SUPPORTED.iter().map(|handle| ApiVersion::of(handle)).collect()
    }

    pub(super) fn of(handle: &str) -> ApiVersion {
        let supported = handle.starts_with("2026");
        ApiVersion { handle: handle.to_owned(), supported, display_name: handle.to_owned() }
    }
}

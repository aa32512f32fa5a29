//! What a test does with webhooks: makes things happen that only they tell of, and decides what becomes of deliveries.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::{Deliveries, Delivery, DeliveryCounts, DeliveryFault, Subscription, Topic};
use crate::sandbox::shopify::{
    Shopify,
    model::{Customer, Order},
    oauth::Scopes,
    options::ShopFacts,
};

impl Shopify {
    /// All subscriptions that were made through the API, of every app, oldest first.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.world.webhooks.state().subscriptions.clone()
    }

    /// Deletes the subscriptions to a topic, as Shopify does after too many failures.
    pub fn remove_subscription(&self, topic: Topic) {
        self.world.webhooks.state().subscriptions.retain(|known| known.topic != topic);
    }

    /// Somebody else changed where a topic is told. What is on its way already keeps its address.
    pub fn redirect_subscription(&self, topic: Topic, uri: &str) {
        let now = self.world.now();
        let mut state = self.world.webhooks.state();
        for known in state.subscriptions.iter_mut().filter(|known| known.topic == topic) {
            known.uri = uri.to_owned();
            known.updated_at = now;
        }
    }

    /// Whether deliveries are sent or pile up from now on. Those that have piled up stay until they are taken.
    pub fn set_deliveries(&self, mode: Deliveries) {
        self.world.webhooks.state().mode = mode;
    }

    /// What has piled up, oldest first.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.world.webhooks.state().held)
    }

    /// Spoils the next deliveries, as many as said.
    pub fn fail_deliveries(&self, times: usize, fault: DeliveryFault) {
        self.world.webhooks.state().faults.extend(std::iter::repeat_n(fault, times));
    }

    /// How deliveries went so far.
    pub fn delivery_counts(&self) -> DeliveryCounts {
        self.world.webhooks.state().counts
    }

    /// Waits until nothing is on its way any longer: everything was taken or given up.
    pub async fn deliveries_done(&self) {
        self.world.webhooks.post.rest().await;
    }

    /// A delivery of any body as the shop would sign it, to where the topic is told now. It is not sent.
    pub fn signed(&self, topic: &str, body: Vec<u8>) -> Delivery {
        let known = self.subscriptions().into_iter().find(|known| known.topic.name() == topic);
        let app = self.world.knobs().compliance_uri.clone().unwrap_or_default();
        let address = known.as_ref().map_or(app, |known| known.uri.clone());
        self.world.delivery(topic, known.as_ref(), &address, Uuid::new_v4(), body)
    }

    /// Sends a delivery once, whatever was done to it; the status of the answer, if one came in time.
    pub async fn deliver(&self, delivery: &Delivery) -> Option<u16> {
        self.world.webhooks.post.attempt(delivery).await
    }

    /// Somebody registers as a customer. They are told of, not kept: customers live in their orders here.
    pub fn add_customer(&self, customer: &Customer) {
        self.world.tell(Topic::CustomersCreate, |rest| rest.customer(customer, true));
    }

    /// Edits a customer wherever they bought. Their orders do not count as changed.
    pub fn change_customer(&self, id: u64, edit: impl Fn(&mut Customer)) {
        let Some(customer) = self.buyer(id) else { return };
        let mut customer = Customer::clone(&customer);
        edit(&mut customer);
        customer.updated_at = customer.updated_at.max(self.world.now());
        let customer = Arc::new(customer);
        for order in self.orders_of(id) {
            let next = Order { customer: Some(Arc::clone(&customer)), ..Order::clone(&order) };
            self.world.orders.put(Arc::new(next), self.world.now());
        }
        self.world.tell(Topic::CustomersUpdate, |rest| rest.customer(&customer, true));
    }

    /// Two customers turn out to be one: what the other bought is theirs now.
    pub fn merge_customers(&self, kept: u64, gone: u64) {
        let Some(customer) = self.buyer(kept) else { return };
        for order in self.orders_of(gone) {
            self.change(order.id, |order| order.customer = Some(Arc::clone(&customer)));
        }
        self.world.tell(Topic::CustomersMerge, |_| {
            json!({
                "admin_graphql_api_customer_kept_id": format!("gid://shopify/Customer/{kept}"),
                "admin_graphql_api_customer_deleted_id": format!("gid://shopify/Customer/{gone}"),
                "admin_graphql_api_job_id": null,
                "status": "completed",
                "errors": [],
            })
        });
    }

    /// Every token has these scopes from now on.
    pub fn change_scopes(&self, scopes: &[&str]) {
        let current: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let granted = self.world.oauth.rescope(&Scopes::of(&current));
        let before = std::mem::replace(&mut self.world.knobs().scopes, current.clone());
        let previous = granted.map_or(before, |granted| granted.handles());
        let now = self.world.now();
        self.world.tell(Topic::AppScopesUpdate, |rest| rest.scopes(&previous, &current, now));
    }

    /// Changes what the shop says of itself; its orders keep the currency they were sold in.
    pub fn change_shop(&self, edit: impl FnOnce(&mut ShopFacts)) {
        let now = self.world.now();
        {
            let mut knobs = self.world.knobs();
            edit(Arc::make_mut(&mut knobs.facts));
            knobs.facts_changed_at = now;
        }
        self.world.tell(Topic::ShopUpdate, |rest| rest.shop());
    }

    /// Where the app's own settings send the compliance topics; nowhere when `None`.
    pub fn set_compliance_uri(&self, uri: Option<&str>) {
        self.world.knobs().compliance_uri = uri.map(str::to_owned);
    }

    /// A customer wants to see what the app knows of them.
    pub fn data_request(&self, customer: u64, orders: &[u64]) {
        let buyer = self.buyer(customer);
        self.world.tell_app("customers/data_request", |rest| {
            let mut body = rest.redacted_shop();
            body["orders_requested"] = json!(orders);
            body["customer"] = rest.concerned(customer, buyer.as_deref());
            body["data_request"] = json!({ "id": customer + 9999 });
            body
        });
    }

    /// A customer is to be forgotten, and these of their orders.
    pub fn redact_customer(&self, customer: u64, orders: &[u64]) {
        let buyer = self.buyer(customer);
        self.world.tell_app("customers/redact", |rest| {
            let mut body = rest.redacted_shop();
            body["customer"] = rest.concerned(customer, buyer.as_deref());
            body["orders_to_redact"] = json!(orders);
            body
        });
    }

    /// Two days after the app was uninstalled: the shop is to be forgotten.
    pub fn redact_shop(&self) {
        self.world.tell_app("shop/redact", |rest| rest.redacted_shop());
    }

    fn orders_of(&self, customer: u64) -> Vec<Arc<Order>> {
        let mut all = self.orders();
        all.retain(|order| order.customer.as_ref().is_some_and(|buyer| buyer.id == customer));
        all
    }

    fn buyer(&self, id: u64) -> Option<Arc<Customer>> {
        self.orders_of(id).last().and_then(|order| order.customer.clone())
    }
}

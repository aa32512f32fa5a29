//! Deliveries in a test's hands: what the simulated shop would send, to be doubled, forged, held back and sent whenever the test likes.

use chrono::TimeDelta;
use entity::schedule;
use ml_connector::{
    sandbox::shopify::{Deliveries, Delivery},
    shopify::webhook::TOPICS,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    harness::{SHOP, SHOPIFY_TOKEN, TestApp},
    person::http,
};

impl TestApp {
    /// Asks the shop for every topic, as the service does by itself once its address can be reached. Deliveries pile up until they are
    /// taken.
    pub(crate) async fn listen(&self) {
        self.shopify.set_deliveries(Deliveries::Holding);
        let shop = self.app.shopify.shop(SHOP, SHOPIFY_TOKEN.into());
        for topic in TOPICS.iter().filter(|topic| topic.scope != Some("read_customer_merge")) {
            shop.create_webhook(topic.name, &self.door("/webhooks/shopify"), None).await.unwrap();
        }
        self.shopify.set_compliance_uri(Some(&self.door("/webhooks/shopify")));
    }

    /// Neither platform is asked to tell anything by itself: for tests that count calls, or tell themselves.
    pub(crate) async fn without_webhooks(&self) {
        let never = schedule::Entity::update_many()
            .filter(schedule::Column::Kind.eq(schedule::Kind::Webhooks))
            .col_expr(schedule::Column::NextRunAt, Expr::value(self.app.clock.now() + TimeDelta::days(10_000)));
        never.exec(self.app.db.write()).await.unwrap();
    }

    /// An address of the service.
    pub(crate) fn door(&self, path: &str) -> String {
        self.app.config.public_url.join(path).unwrap().into()
    }

    /// What has piled up, of these topics alone; the rest is lost.
    pub(crate) fn held(&self, topics: &[&str]) -> Vec<Delivery> {
        let all = self.shopify.take_deliveries();
        all.into_iter().filter(|delivery| topics.contains(&delivery.topic.as_str())).collect()
    }

    /// Everything that has piled up arrives, in order.
    pub(crate) async fn ring(&self) -> Vec<Delivery> {
        let deliveries = self.shopify.take_deliveries();
        let client = http();
        for delivery in &deliveries {
            assert_eq!(send_by(&client, &delivery.address, delivery).await, Some(200), "{}", delivery.topic);
        }
        deliveries
    }
}

/// Sends a delivery to where it goes; the answer's status.
pub(crate) async fn send(delivery: &Delivery) -> u16 {
    send_by(&http(), &delivery.address, delivery).await.unwrap()
}

/// Sends a delivery by a client that many share; nothing where nobody answers.
pub(crate) async fn send_by(client: &reqwest::Client, address: &str, delivery: &Delivery) -> Option<u16> {
    let mut request = client.post(address).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    request.send().await.ok().map(|answer| answer.status().as_u16())
}

/// The same delivery with another header.
pub(crate) fn with(delivery: &Delivery, name: &str, value: &str) -> Delivery {
    let mut changed = delivery.clone();
    changed.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    changed.headers.push((name.to_owned(), value.to_owned()));
    changed
}

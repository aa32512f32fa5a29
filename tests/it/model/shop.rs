//! The orders of a schedule, and the ways in which the connector hears of them.

use chrono::{DateTime, TimeDelta, Utc};
use entity::synced_order;
use ml_connector::{
    auth::Actor,
    order::{self, Mark, Target, Told},
    sandbox::shopify::{build, model::Customer},
    shopify::model::{Gid, Order},
    work::Lane,
};
use rand::{
    Rng,
    rngs::StdRng,
    seq::{IndexedMutRandom, IndexedRandom},
};

use super::happening;
use crate::harness::{SHOP, SHOPIFY_TOKEN, TestApp};

/// An order.
pub(super) struct Sale {
    pub(super) id: u64,
    pub(super) name: String,
    /// Somebody gave it up, and nobody has resynced it since.
    pub(super) dismissed: bool,
    /// The connector has been told of its newest state: it need not be told again.
    told: bool,
}

impl Sale {
    fn number(&self) -> i64 {
        i64::try_from(self.id).unwrap()
    }
}

/// A page of a pull: read, and not stored yet.
struct Page {
    orders: Vec<Order>,
    asked_at: DateTime<Utc>,
}

/// A schedule's part of the shop.
pub(super) struct Shop<'a> {
    app: &'a TestApp,
    first: i32,
    pub(super) customers: Vec<Customer>,
    pub(super) sales: Vec<Sale>,
    /// Deliveries that have not come, or may come again.
    news: Vec<Told>,
    page: Option<Page>,
}

impl<'a> Shop<'a> {
    /// `number` is that of the schedule in its world.
    pub(super) fn new(app: &'a TestApp, number: u64, dice: &mut StdRng) -> Self {
        let first = 1_000 + 10 * i32::try_from(number).unwrap();
        // Most orders of a schedule share a customer: whose client may be made but once.
        let customers = if dice.random_range(0..4) == 0 { 2 } else { 1 };
        let customer = |at: i32| {
            let id = u64::try_from(first + at).unwrap();
            build::customer(id, "Ada", "Example", &format!("buyer{id}@example.com"))
        };
        Self {
            app,
            first,
            customers: (0..customers).map(customer).collect(),
            sales: Vec::new(),
            news: Vec::new(),
            page: None,
        }
    }

    pub(super) fn place(&mut self, dice: &mut StdRng) -> String {
        let number = self.first + i32::try_from(self.sales.len()).unwrap();
        let customer = self.customers.choose(dice).unwrap().clone();
        let order = self.app.shopify.place(happening::placed(number, customer, dice));
        self.sales.push(Sale { id: order.id, name: order.name.clone(), dismissed: false, told: false });
        self.news.push(Told { number: self.sales[self.sales.len() - 1].number(), version: Some(order.updated_at) });
        let paid = order.totals.total_received.presentment > 0;
        format!("{} is placed{}", order.name, if paid { " and paid" } else { "" })
    }

    /// Something happens to an order.
    pub(super) fn change(&mut self, dice: &mut StdRng) -> String {
        let sale = self.sales.choose_mut(dice).unwrap();
        sale.told = false;
        let mut what = "";
        self.app.shopify.evolve(sale.id, |order| {
            let (told, next) = happening::next(order, dice);
            what = told;
            next
        });
        let order = self.app.shopify.order(sale.id).unwrap();
        self.news.push(Told { number: sale.number(), version: Some(order.updated_at) });
        format!("{} {what}", sale.name)
    }

    /// A webhook comes, of whatever age, perhaps not for the last time; or is lost.
    pub(super) async fn tell(&mut self, dice: &mut StdRng) -> Option<String> {
        let told = *self.news.choose(dice)?;
        let fate = dice.random_range(0..10);
        if fate > 2 {
            self.news.retain(|other| *other != told);
        }
        if fate == 9 {
            return Some(format!("a webhook of {} is lost", told.number));
        }
        self.announce(&[told]).await;
        Some(format!("a webhook of {} comes, of its state at {:?}", told.number, told.version))
    }

    async fn announce(&mut self, told: &[Told]) {
        let app = &self.app.app;
        let (now, mark) = (app.clock.now(), Mark::new(Lane::Webhook, "webhook", &Actor::system("webhook")));
        let txn = app.db.begin_write().await.unwrap();
        order::announce(&txn, self.app.connection, told, &mark, now + TimeDelta::seconds(2), now).await.unwrap();
        txn.commit().await.unwrap();
        for one in told {
            self.heard(one.number, one.version);
        }
    }

    /// A pull reads a page.
    pub(super) async fn read_page(&mut self) -> String {
        let asked_at = self.app.app.clock.now();
        let ids: Vec<Gid> = self.sales.iter().map(|sale| Gid::new("Order", sale.number())).collect();
        let read = self.app.app.shopify.shop(SHOP, SHOPIFY_TOKEN.into()).orders(&ids).await.unwrap();
        self.page = Some(Page { orders: read.into_iter().flatten().collect(), asked_at });
        format!("a pull reads {} orders", self.sales.len())
    }

    /// A pull stores the page that it has read, if it has: what it says may be old by now.
    pub(super) async fn store_page(&mut self) -> Option<String> {
        let Page { orders, asked_at } = self.page.take()?;
        let app = &self.app.app;
        let mark = Mark::new(Lane::Pull, "pull:0", &Actor::system("schedule"));
        let txn = app.db.begin_write().await.unwrap();
        let (connection, now) = (self.app.connection, app.clock.now());
        order::record(&txn, &app.keyring, connection, &orders, &mark, Some(asked_at), now).await.unwrap();
        txn.commit().await.unwrap();
        for order in &orders {
            self.heard(order.number_of_id(), Some(order.updated_at));
        }
        Some(format!("the pull stores what it read of {} orders", orders.len()))
    }

    /// The connector was told of this state, which may be the newest one.
    fn heard(&mut self, number: i64, version: Option<DateTime<Utc>>) {
        for sale in self.sales.iter_mut().filter(|sale| sale.number() == number) {
            let newest = self.app.shopify.order(sale.id).unwrap().updated_at;
            sale.told |= version == Some(newest);
        }
    }

    /// Somebody resyncs this order.
    pub(super) async fn resync(&mut self, at: usize) -> String {
        let sale = &mut self.sales[at];
        let target = Target::Shopify(self.app.connection, sale.number());
        order::resync(&self.app.app, &Actor::system("person"), target).await.unwrap();
        (sale.dismissed, sale.told) = (false, true);
        format!("{} is resynced", sale.name)
    }

    /// Somebody gives this order up, if it is known.
    pub(super) async fn dismiss(&mut self, at: usize) -> Option<String> {
        let sale = &mut self.sales[at];
        let app = &self.app.app;
        let row = order::find(app.db.read(), self.app.connection, sale.number()).await.unwrap()?;
        order::dismiss(app, &Actor::system("person"), row.id, "booked by hand").await.unwrap();
        sale.dismissed = true;
        Some(format!("{} is dismissed", sale.name))
    }

    /// The merchant pays back what edits left over.
    pub(super) fn pay_back(&mut self) {
        for sale in &mut self.sales {
            if happening::is_overpaid(&self.app.shopify.order(sale.id).unwrap()) {
                self.app.shopify.evolve(sale.id, happening::settled);
                sale.told = false;
            }
        }
    }

    /// What nobody has told of is told; the rest has been, and must not need it again.
    pub(super) async fn tell_the_rest(&mut self, dice: &mut StdRng) {
        for at in 0..self.sales.len() {
            if !self.sales[at].told {
                self.tell_again(at, dice).await;
            }
        }
    }

    /// Everything is told once more.
    pub(super) async fn tell_all(&mut self, dice: &mut StdRng) {
        for at in 0..self.sales.len() {
            self.tell_again(at, dice).await;
        }
    }

    async fn tell_again(&mut self, at: usize, dice: &mut StdRng) {
        let sale = &self.sales[at];
        let (number, version) = (sale.number(), self.app.shopify.order(sale.id).unwrap().updated_at);
        match dice.random_range(0..3) {
            0 if !sale.dismissed => drop(self.resync(at).await),
            1 => {
                self.read_page().await;
                self.store_page().await;
            }
            _ => self.announce(&[Told { number, version: Some(version) }]).await,
        }
    }

    /// Our row of an order.
    pub(super) async fn row(&self, sale: &Sale) -> synced_order::Model {
        order::find(self.app.app.db.read(), self.app.connection, sale.number()).await.unwrap().unwrap()
    }
}

//! The dice of one schedule.

use chrono::TimeDelta;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{Stage, Steps, books::Books, shop::Shop, visits::Visits};

const MOST_ORDERS: usize = 3;
/// In seconds. No sum of them ends while a first wait between tries, of five seconds and a tenth more or less, may be over or not.
const SHORT: [i64; 4] = [3, 7, 12, 20];
/// Longer than a lease.
const LONG: TimeDelta = TimeDelta::seconds(46);

pub(super) struct Schedule<'a> {
    stage: &'a Stage,
    dice: StdRng,
    shop: Shop<'a>,
    visits: Visits<'a>,
    /// Calls that may still go wrong, and processes that may still die.
    mishaps: u32,
    steps: &'a Steps,
}

impl<'a> Schedule<'a> {
    /// The schedule of `seed`, as the `number`th of its world.
    pub(super) fn new(stage: &'a Stage, seed: u64, number: u64, steps: &'a Steps) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let shop = Shop::new(&stage.app, number, &mut dice);
        let visits = Visits::new(stage);
        let mishaps = dice.random_range(0..=5);
        Self { stage, dice, shop, visits, mishaps, steps }
    }

    pub(super) async fn play(mut self) {
        self.steps.add(self.shop.place(&mut self.dice));
        for _ in 0..self.dice.random_range(20..=70) {
            if let Some(step) = self.step().await {
                self.steps.add(step);
                if self.visits.have_written() {
                    Books::of(&self.stage.app).hold_nothing_twice(&self.shop);
                }
            }
        }
        self.end().await;
    }

    /// One thing happens, if it can: the world is quiet before and after it.
    async fn step(&mut self) -> Option<String> {
        let Self { dice, shop, visits, .. } = self;
        match dice.random_range(0..100) {
            0..42 => self.go_on().await,
            42..58 => visits.begin().await,
            58..70 if shop.sales.len() < MOST_ORDERS && dice.random_range(0..2) == 0 => Some(shop.place(dice)),
            58..66 => Some(shop.change(dice)),
            66..78 => shop.tell(dice).await,
            78..83 => Some(visits.wait(TimeDelta::seconds(*SHORT.choose(dice).unwrap()), dice).await),
            83..88 => Some(visits.wait(LONG, dice).await),
            88..90 => self.kill().await,
            90 => visits.renew(dice).await,
            91..94 => visits.end_one_left(dice).await,
            94..96 => Some(visits.beside(shop.read_page()).await),
            96..98 => shop.store_page().await,
            98 => Some(shop.resync(dice.random_range(0..shop.sales.len())).await),
            _ => shop.dismiss(dice.random_range(0..shop.sales.len())).await,
        }
    }

    async fn go_on(&mut self) -> Option<String> {
        let mishap = self.mishaps > 0 && self.dice.random_range(0..6) == 0;
        self.mishaps -= u32::from(mishap);
        self.visits.go_on(&mut self.dice, mishap).await
    }

    async fn kill(&mut self) -> Option<String> {
        self.mishaps = self.mishaps.checked_sub(1)?;
        self.visits.kill(&mut self.dice).await
    }

    /// Nothing goes wrong any more, and everything is told.
    async fn end(self) {
        let Self { stage: Stage { app, .. }, mut dice, mut shop, visits, steps, .. } = self;
        steps.add("nothing goes wrong any more".to_owned());
        visits.finish(&mut dice).await;
        // Whoever was killed, or does not know what became of a client, holds it no longer.
        app.app.clock.advance(LONG);
        let given_up: Vec<usize> = (0..shop.sales.len()).filter(|at| shop.sales[*at].dismissed).collect();
        let before = Books::of(app);
        shop.pay_back();
        shop.tell_the_rest(&mut dice).await;
        app.settle().await;
        let mut books = Books::of(app);
        for at in &given_up {
            let sale = &shop.sales[*at];
            assert_eq!(books.told(sale), before.told(sale), "{} was dismissed", sale.name);
            steps.add(shop.resync(*at).await);
        }
        if !given_up.is_empty() {
            app.settle().await;
            books = Books::of(app);
        }
        books.hold_nothing_twice(&shop);
        for sale in &shop.sales {
            books.are_right(app, &shop, sale).await;
        }
        let calls = app.calls();
        shop.tell_all(&mut dice).await;
        app.settle().await;
        assert_eq!(app.calls(), calls, "FreshBooks was asked of orders that had not changed");
    }
}

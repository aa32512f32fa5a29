//! The run itself: things happen, calls fail, processes die, until nothing is due any more.

use std::time::{Duration, Instant};

use anyhow::bail;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    Args, LOOK,
    fleet::Fleet,
    post::{Post, Tally},
    story::Story,
    watch::{self, Watch},
    world::World,
};

/// What a run came to, beside the books.
pub(crate) struct Ran {
    pub(crate) kills: u64,
    pub(crate) changes: u64,
    /// How often somebody had to authorize again.
    pub(crate) authorizations: u64,
    pub(crate) post: Tally,
    pub(crate) watch: Watch,
}

pub(crate) async fn run(world: &World, processes: usize, args: &Args, seed: u64) -> anyhow::Result<Ran> {
    let mut fleet = Fleet::start(world, processes, &args.log).await?;
    world.subscribed().await?;
    world.begin_to_fail(args, seed);
    let mut story = Story::new(args.orders, seed.wrapping_add(2))?;
    let mut post = Post::new(fleet.addresses(), args.doubled, seed.wrapping_add(3))?;
    let mut dice = StdRng::seed_from_u64(seed.wrapping_add(4));
    let (mut watch, mut kills, mut authorizations) = (Watch::default(), 0, 0);

    let steps = usize::try_from((u128::from(args.pace) * LOOK.as_millis()).div_ceil(1000))?;
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut killed_at, mut over) = (Instant::now(), None::<Instant>);
    loop {
        ticks.tick().await;
        story.go_on(&world.shopify, steps);
        post.send(world.shopify.take_deliveries());
        if args.kill_every > 0 && killed_at.elapsed() >= Duration::from_secs(args.kill_every) {
            let at = dice.random_range(0..fleet.len());
            fleet.kill(at)?;
            kills += 1;
            killed_at = Instant::now();
            watch.killed(&world.app).await?;
            fleet.start_anew(at)?;
        }
        if world.needs_a_person().await? && world.authorize().await.is_ok() {
            authorizations += 1;
        }
        // In this order: what makes an order due comes before it is looked at.
        let done = story.is_over() && post.is_done() && watch::pulls(&world.app).await? == 0;
        let due = watch.look(&world.app, post.tally().news).await?;
        if done && due == 0 {
            break;
        }
        if story.is_over() && over.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(args.patience) {
            let (first, taken) = (watch::first_due(&world.app).await?, post.is_done());
            bail!("it does not come to rest (all webhooks taken: {taken}): {due} orders are due, {first}");
        }
    }
    world.stop_failing();
    drop(fleet);
    Ok(Ran { kills, changes: story.changes, authorizations, post: post.tally(), watch })
}

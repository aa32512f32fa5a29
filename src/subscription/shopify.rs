//! The Shopify end: one address for every topic. A topic and an address go together once over there, so that whatever was made without our
//! hearing of it is found by its address, and nothing is ever there twice.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{platform_grant::Model as Grant, platform_grant::Platform, webhook_subscription::Model};
use secrecy::SecretString;
use tracing::warn;

use super::{
    Stop, Wish,
    told::{self, Fault},
    turn::{self, Turn},
};
use crate::{
    app::App,
    problem::Problem,
    shopify::{
        self, Shop, WebhookSubscription,
        model::Gid,
        oauth,
        webhook::{TOPICS, Topic},
    },
};

/// How the names of ours begin; each delivery carries its own.
const NAME: &str = "ml-connector-";
/// How often it is listed again after an answer that was lost, or somebody else's making of the same.
const ROUNDS: usize = 3;
/// So long what was made anew in a version that is over stays: it would come back in the same one.
const RENEWED: TimeDelta = TimeDelta::days(30);

/// Where all of them go.
pub(super) fn address(app: &App) -> String {
    app.config.public("webhooks/shopify").into()
}

/// Every topic that the grant's scopes let us hear of.
pub(super) fn wanted(app: &App, grant: &Grant) -> Vec<Wish> {
    let granted: Vec<String> = grant.scopes.split(',').map(|scope| scope.trim().to_owned()).collect();
    let covered = |topic: &&Topic| {
        topic.scope.is_none_or(|scope| oauth::missing_scopes(&[scope.to_owned()], &granted).is_empty())
    };
    let address = address(app);
    TOPICS.iter().filter(covered).map(|topic| Wish { topic: topic.header, address: address.clone() }).collect()
}

/// Whether what comes can be checked at all: with a secret of the service's app, or of the shop's own.
pub(super) fn is_verifiable(app: &App, grant: &Grant) -> bool {
    !app.config.shopify_client_secrets.is_empty() || grant.client_secret.is_some()
}

/// Asks for nothing that could not be checked.
pub(super) async fn refuse(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let problem = told::no_secret();
    for topic in TOPICS {
        if turn.row(topic.header).is_ok() {
            turn.fails(topic.header, &problem).await?;
        }
    }
    Ok(())
}

/// Lists, compares, repairs.
pub(super) async fn settle(turn: &mut Turn<'_>, token: SecretString) -> Result<(), Stop> {
    let app = turn.app;
    let shop = app.shopify.shop(&turn.connection.shop_domain, token);
    let address = address(app);
    let mut listed = shop.webhooks().await.map_err(silent)?;
    drop_unwanted(turn, &shop, &address, &listed).await?;
    for _ in 0..ROUNDS {
        if !round(turn, &shop, &address, &listed).await? {
            return Ok(());
        }
        listed = shop.webhooks().await.map_err(silent)?;
    }
    Err(Stop::Silent("subscriptions come and go while they are set up".into()))
}

/// What an older version wanted, or a scope that is gone allowed.
async fn drop_unwanted(
    turn: &mut Turn<'_>,
    shop: &Shop,
    address: &str,
    listed: &[WebhookSubscription],
) -> Result<(), Stop> {
    for row in std::mem::take(&mut turn.unwanted) {
        let graphql = TOPICS.iter().find(|topic| topic.header == row.topic).map(|topic| topic.name);
        let is_its = |sub: &&WebhookSubscription| {
            Some(sub.id.0.as_str()) == row.remote_id.as_deref()
                || (Some(sub.topic.as_str()) == graphql && sub.uri == address)
        };
        for sub in listed.iter().filter(is_its) {
            shop.delete_webhook(&sub.id).await.map_err(silent)?;
        }
        turn::drop_row(turn.app.db.write(), &row).await?;
    }
    Ok(())
}

/// One pass over the topics; `true` when it must be listed again.
async fn round(turn: &mut Turn<'_>, shop: &Shop, address: &str, listed: &[WebhookSubscription]) -> Result<bool, Stop> {
    let (version, now) = (turn.app.config.shopify_api_version.clone(), turn.app.clock.now());
    let (mut again, mut no_address) = (false, None::<Problem>);
    let mut over = None::<String>;
    for topic in TOPICS {
        let Ok(row) = turn.row(topic.header) else { continue };
        let plan = plan(&topic, address, &Ours::of(row, now), listed, &version);
        for id in &plan.surplus {
            shop.delete_webhook(id).await.map_err(silent)?;
        }
        let is_new = plan.step == Step::Create;
        let made = match plan.step {
            Step::Keep(sub) => Ok(Some(sub.clone())),
            Step::Move(id) => shop.move_webhook(id, address).await,
            Step::Create => match &no_address {
                Some(problem) => {
                    turn.fails(topic.header, problem).await?;
                    continue;
                }
                None => shop.create_webhook(topic.name, address, Some(&name(&topic))).await.map(Some),
            },
        };
        match made {
            Ok(Some(sub)) => {
                if is_new && !sub.api_version_supported {
                    over = Some(sub.api_version.clone());
                }
                turn.stands(topic.header, plan.fault, |row| {
                    address.clone_into(&mut row.address);
                    row.remote_id = Some(sub.id.0);
                    row.api_version = Some(sub.api_version);
                })
                .await?;
            }
            // Gone, made by somebody else, or perhaps made by us.
            Ok(None) | Err(shopify::Error::Taken | shopify::Error::Unknown(_)) => again = true,
            Err(error) => {
                let problem = objection(address, error)?;
                turn.fails(topic.header, &problem).await?;
                if problem.code == "ADDRESS_REFUSED" {
                    no_address = Some(problem);
                }
            }
        }
    }
    if let Some(over) = over {
        warn!(
            connection = %turn.connection.id,
            version = over,
            "Shopify sends new webhooks in version {over} of its API, which is over: the app's own settings say so; they are used as they are"
        );
    }
    Ok(again)
}

/// Deletes what there is of ours.
pub(super) async fn delete_all(app: &App, shop: &Shop) -> Result<(), shopify::Error> {
    let address = address(app);
    for sub in shop.webhooks().await?.iter().filter(|sub| sub.uri == address) {
        shop.delete_webhook(&sub.id).await?;
    }
    Ok(())
}

/// `ml-connector-orders-updated`.
fn name(topic: &Topic) -> String {
    format!("{NAME}{}", topic.header.replace(['/', '_'], "-"))
}

/// What is known of the one that we had.
struct Ours<'a> {
    id: Option<&'a str>,
    /// The version that it was made anew in lately: another one made now would be of the same.
    renewed: Option<&'a str>,
}

impl<'a> Ours<'a> {
    fn of(row: &'a Model, now: DateTime<Utc>) -> Self {
        let lately = row.repaired_at.is_some_and(|at| now < at + RENEWED);
        Self { id: row.remote_id.as_deref(), renewed: row.api_version.as_deref().filter(|_| lately) }
    }
}

/// What is to be done about a topic.
#[derive(Debug, PartialEq, Eq)]
struct Plan<'a> {
    /// To be deleted, before anything else: one topic has an address once.
    surplus: Vec<&'a Gid>,
    /// Then this.
    step: Step<'a>,
    /// What was wrong, where something was.
    fault: Option<Fault>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Keep(&'a WebhookSubscription),
    Move(&'a Gid),
    Create,
}

/// Compares what is listed with what is wanted. Ours is what goes to our address, has a name of ours, or is known by its id; what others
/// subscribed to is left alone.
fn plan<'a>(
    topic: &Topic,
    address: &str,
    known: &Ours<'_>,
    listed: &'a [WebhookSubscription],
    version: &str,
) -> Plan<'a> {
    let is_known = |sub: &WebhookSubscription| Some(sub.id.0.as_str()) == known.id;
    let is_ours = |sub: &WebhookSubscription| {
        sub.uri == address || is_known(sub) || sub.name.as_deref().is_some_and(|name| name.starts_with(NAME))
    };
    let is_whole = |sub: &WebhookSubscription| sub.json && sub.filter.is_none() && sub.include_fields.is_empty();
    // Made anew it would be of the same version where that is the one that we ask in, or where it just was: the app's own.
    let is_same =
        |sub: &WebhookSubscription| is_known(sub) && known.renewed.is_some_and(|renewed| renewed == sub.api_version);
    let is_over = |sub: &WebhookSubscription| !sub.api_version_supported && sub.api_version != version && !is_same(sub);
    let is_good = |sub: &WebhookSubscription| is_whole(sub) && !is_over(sub);
    let mut ours: Vec<_> = listed.iter().filter(|sub| sub.topic == topic.name && is_ours(sub)).collect();
    ours.sort_by_key(|sub| (!is_good(sub), sub.uri != address, !is_known(sub)));
    let (step, fault) = match ours.first() {
        None => (Step::Create, Some(Fault::Missing)),
        Some(sub) if is_good(sub) && sub.uri == address => (Step::Keep(sub), None),
        Some(sub) if is_good(sub) => (Step::Move(&sub.id), Some(Fault::Address)),
        Some(sub) => (Step::Create, Some(if is_whole(sub) { Fault::Version } else { Fault::Limited })),
    };
    let stays = usize::from(step != Step::Create);
    Plan { surplus: ours.iter().skip(stays).map(|sub| &sub.id).collect(), step, fault }
}

/// The calls that tell nothing of what is wanted.
fn silent(error: shopify::Error) -> Stop {
    match error {
        shopify::Error::Unauthorized | shopify::Error::NonExpiringToken => Stop::Refused,
        error => Stop::Silent(Box::new(error)),
    }
}

/// Why one cannot be set up, where Shopify says so.
fn objection(address: &str, error: shopify::Error) -> Result<Problem, Stop> {
    match error {
        shopify::Error::Rejected(said) => {
            let words = said.to_ascii_lowercase();
            let is_about = |word: &str| words.contains(word);
            Ok(if is_about("approved") || is_about("protected") {
                told::not_allowed(Platform::Shopify, &said)
            } else if is_about("address") || is_about("protocol") {
                told::address_refused(Platform::Shopify, address, &said)
            } else {
                told::refused(Platform::Shopify, &said)
            })
        }
        shopify::Error::Forbidden(said) | shopify::Error::ProtectedData(said) => {
            Ok(told::not_allowed(Platform::Shopify, &said))
        }
        error => Err(silent(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://sync.example.com/webhooks/shopify";
    const THERE: &str = "https://old.example.com/webhooks/shopify";
    const TOPIC: Topic = TOPICS[0];

    fn one(number: i64, uri: &str) -> WebhookSubscription {
        WebhookSubscription {
            id: Gid::new("WebhookSubscription", number),
            topic: TOPIC.name.to_owned(),
            uri: uri.to_owned(),
            json: true,
            name: None,
            filter: None,
            include_fields: Vec::new(),
            api_version: "2026-10".to_owned(),
            api_version_supported: true,
        }
    }

    fn named(number: i64, uri: &str) -> WebhookSubscription {
        WebhookSubscription { name: Some(name(&TOPIC)), ..one(number, uri) }
    }

    /// What is done: the deletions, what follows, and why.
    fn done(listed: &[WebhookSubscription], known: Option<i64>) -> (Vec<i64>, String, Option<Fault>) {
        done_after(listed, known, None)
    }

    /// The same, where ours was made anew lately.
    fn done_after(
        listed: &[WebhookSubscription],
        known: Option<i64>,
        renewed: Option<&str>,
    ) -> (Vec<i64>, String, Option<Fault>) {
        let known = known.map(|number| Gid::new("WebhookSubscription", number).0);
        let plan = plan(&TOPIC, HERE, &Ours { id: known.as_deref(), renewed }, listed, "2026-10");
        let step = match plan.step {
            Step::Keep(sub) => format!("keep {}", sub.id.number().unwrap()),
            Step::Move(id) => format!("move {}", id.number().unwrap()),
            Step::Create => "create".to_owned(),
        };
        (plan.surplus.into_iter().filter_map(Gid::number).collect(), step, plan.fault)
    }

    #[test]
    fn what_is_well_is_kept_and_what_is_not_there_is_made() {
        assert_eq!(done(&[one(1, HERE)], None), (vec![], "keep 1".to_owned(), None));
        assert_eq!(done(&[], Some(1)), (vec![], "create".to_owned(), Some(Fault::Missing)));
        let other = WebhookSubscription { topic: "SHOP_UPDATE".to_owned(), ..one(1, HERE) };
        assert_eq!(done(&[other], None), (vec![], "create".to_owned(), Some(Fault::Missing)));
    }

    #[test]
    fn ours_at_another_address_is_moved_and_that_of_others_is_left_alone() {
        assert_eq!(done(&[one(1, THERE)], None), (vec![], "create".to_owned(), Some(Fault::Missing)));
        assert_eq!(done(&[one(1, THERE)], Some(1)), (vec![], "move 1".to_owned(), Some(Fault::Address)));
        assert_eq!(done(&[named(1, THERE)], None), (vec![], "move 1".to_owned(), Some(Fault::Address)));
        assert_eq!(done(&[one(1, THERE), one(2, HERE)], None), (vec![], "keep 2".to_owned(), None));
    }

    #[test]
    fn of_several_of_ours_one_stays() {
        let several = [named(1, THERE), named(2, HERE), one(3, HERE), named(4, THERE)];
        assert_eq!(done(&several, None), (vec![3, 1, 4], "keep 2".to_owned(), None));
        assert_eq!(done(&several, Some(3)), (vec![2, 1, 4], "keep 3".to_owned(), None));
        assert_eq!(done(&several, Some(4)), (vec![3, 4, 1], "keep 2".to_owned(), None));
    }

    #[test]
    fn one_that_somebody_has_limited_is_made_anew() {
        let limited = [
            WebhookSubscription { filter: Some("id:1".to_owned()), ..one(1, HERE) },
            WebhookSubscription { include_fields: vec!["id".to_owned()], ..one(1, HERE) },
            WebhookSubscription { json: false, ..named(1, THERE) },
        ];
        for sub in limited {
            assert_eq!(done(&[sub], Some(1)), (vec![1], "create".to_owned(), Some(Fault::Limited)));
        }
    }

    #[test]
    fn a_version_that_is_over_is_left_only_for_another_one() {
        let over = |version: &str| WebhookSubscription {
            api_version: version.to_owned(),
            api_version_supported: false,
            ..one(1, HERE)
        };
        assert_eq!(done(&[over("2025-07")], None), (vec![1], "create".to_owned(), Some(Fault::Version)));
        assert_eq!(done(&[over("2026-10")], None), (vec![], "keep 1".to_owned(), None));
        // Made anew once, it came back as it was.
        let anew = (vec![1], "create".to_owned(), Some(Fault::Version));
        assert_eq!(done_after(&[over("2025-07")], Some(1), Some("2025-07")), (vec![], "keep 1".to_owned(), None));
        assert_eq!(done_after(&[over("2025-07")], Some(2), Some("2025-07")), anew);
        assert_eq!(done_after(&[over("2025-07")], Some(1), Some("2025-04")), anew);
    }
}

//! The FreshBooks end: the login, what it may do in the connection's account, and what the account's plan allows.

use entity::{connection::Model as Connection, platform_grant::Platform};
use secrecy::SecretString;

use super::{
    Error,
    seen::{Closed, Glance, Seen, Told, grant_of, refused, token},
};
use crate::{
    alert::Severity,
    app::App,
    authorize,
    freshbooks::{
        self,
        oauth::{Business, Identity, SCOPES},
    },
    grant::Used,
    problem::{Owner, Problem},
};

pub(super) const PLAN_LIMIT: &str = "PLAN_LIMIT";
const LOGIN: &str = "Give the login the role owner, admin or manager there again, or authorize with one that has it (authorizeFreshbooks). The sync goes on by itself within a day, or at once with pingConnection.";

/// One call that shows whether the login may write and the account is paid for.
pub(super) async fn glance(app: &App, row: &Connection, used: &Used) -> Result<Glance, Error> {
    let token = match token(app, row, Platform::Freshbooks, used).await? {
        Ok(token) => token,
        Err(Closed::NotYet) => return Ok(Glance::Silent),
        Err(_) => return Ok(Glance::Wrong),
    };
    Ok(match app.freshbooks.me(&token).await {
        Ok(identity) => {
            let own = business(row, &identity).map(|business| authorize::fit(business, &identity));
            if matches!(own, Some(Ok(_))) { Glance::Fine } else { Glance::Wrong }
        }
        Err(freshbooks::Error::Unauthorized | freshbooks::Error::Forbidden(_)) => Glance::Wrong,
        Err(_) => Glance::Silent,
    })
}

/// The whole end.
pub(super) async fn look(app: &App, row: &Connection, used: &Used) -> Result<Seen, Error> {
    let mut seen = Seen::new(Platform::Freshbooks);
    match enter(app, row, used, &mut seen).await? {
        Ok(Some((token, identity))) => {
            seen.passed("freshbooksToken", "FreshBooks accepts the token.");
            scopes(app, row, used, &mut seen).await?;
            account(app, row, token, &identity, &mut seen).await;
        }
        Ok(None) => {}
        Err(closed) => closed.tell(&mut seen, "freshbooksToken", "freshbooksScopes"),
    }
    seen.rest("Could not be found out this time.");
    Ok(seen)
}

/// Who the token speaks for; `None` when FreshBooks did not say.
async fn enter(
    app: &App,
    row: &Connection,
    used: &Used,
    seen: &mut Seen,
) -> Result<Result<Option<(SecretString, Identity)>, Closed>, Error> {
    // Once more with a newer token, where there is one.
    for _ in 0..2 {
        let token = match token(app, row, Platform::Freshbooks, used).await? {
            Ok(token) => token,
            Err(closed) => return Ok(Err(closed)),
        };
        match app.freshbooks.me(&token).await {
            Ok(identity) => return Ok(Ok(Some((token, identity)))),
            Err(freshbooks::Error::Unauthorized) => {
                if let Err(closed) = refused(app, row, Platform::Freshbooks, used).await? {
                    return Ok(Err(closed));
                }
            }
            Err(error) => {
                seen.unknown("freshbooksToken", format!("FreshBooks did not answer as it should: {error}."));
                return Ok(Ok(None));
            }
        }
    }
    Ok(Err(Closed::NotYet))
}

/// A token's scopes are frozen into it: what was granted is what there is.
async fn scopes(app: &App, row: &Connection, used: &Used, seen: &mut Seen) -> Result<(), Error> {
    let Some(grant) = grant_of(app, row.id, Platform::Freshbooks, used).await? else { return Ok(()) };
    let granted: Vec<&str> = grant.scopes.split_whitespace().collect();
    let missing: Vec<&str> = SCOPES.into_iter().filter(|scope| !granted.contains(scope)).collect();
    if granted.is_empty() {
        seen.unknown(
            "freshbooksScopes",
            "FreshBooks did not say what it has allowed; the first refused call would tell.",
        );
    } else if missing.is_empty() {
        seen.passed("freshbooksScopes", "All that is needed is allowed.");
    } else {
        let problem = Problem::new(
            Owner::Accountant,
            "SCOPE_MISSING",
            format!("FreshBooks has not allowed what the connector needs: {}.", missing.join(", ")),
            "Check that the app has these scopes switched on in FreshBooks' developer page, then authorize again.",
        );
        seen.failed("freshbooksScopes", &problem);
        seen.short = Some((grant, problem));
    }
    Ok(())
}

fn business<'a>(row: &Connection, identity: &'a Identity) -> Option<&'a Business> {
    identity.businesses.iter().find(|business| business.account_id.is_some() && business.account_id == row.account_id)
}

/// Role, subscription and plan, in the connection's own account.
async fn account(app: &App, row: &Connection, token: SecretString, identity: &Identity, seen: &mut Seen) {
    let Some(account_id) = row.account_id.as_deref() else {
        seen.rest("No business is chosen yet: selectFreshbooksBusiness.");
        return;
    };
    let name = row.business_name.as_deref().unwrap_or("the business");
    match business(row, identity).map(authorize::writable) {
        Some(Ok(_)) => {
            seen.passed("freshbooksRole", format!("The login may write to {name}."));
            seen.over.push("FRESHBOOKS_ROLE");
        }
        Some(Err(unfit)) => {
            let message = format!("The login can no longer write to {name}: {unfit}.");
            seen.blocked("freshbooksRole", Problem::new(Owner::Accountant, "FRESHBOOKS_ROLE", message, LOGIN));
        }
        None => {
            let message = format!("The login no longer belongs to {name}.");
            seen.blocked("freshbooksRole", Problem::new(Owner::Accountant, "FRESHBOOKS_ROLE", message, LOGIN));
        }
    }
    subscription(account_id, name, identity, seen);
    if seen.obstacle.is_none() {
        let books = app.freshbooks.account(account_id, token);
        match identity.client_limits.get(account_id) {
            None => plan(None, seen),
            Some(limit) => match books.active_clients().await {
                Ok(clients) => plan(Some((clients, *limit)), seen),
                Err(error) => {
                    seen.unknown("freshbooksPlanLimit", format!("FreshBooks did not count its clients: {error}."));
                }
            },
        }
    }
}

fn subscription(account_id: &str, name: &str, identity: &Identity, seen: &mut Seen) {
    if let Err(unfit) = authorize::subscribed(account_id, identity) {
        let problem = Problem::new(
            Owner::Accountant,
            "FRESHBOOKS_INACTIVE",
            format!("{name} cannot be written to: {unfit}."),
            "Renew the subscription in FreshBooks. The sync goes on by itself within a day, or at once with pingConnection.",
        );
        seen.blocked("freshbooksSubscription", problem);
        return;
    }
    seen.over.push("FRESHBOOKS_INACTIVE");
    match identity.subscriptions.get(account_id).map(String::as_str) {
        Some(trial) if trial.contains("trial") => seen.warning(
            "freshbooksSubscription",
            format!("{name} is on trial: when it ends FreshBooks takes no more documents."),
            Owner::Accountant,
            "choose a plan in FreshBooks before the trial ends.",
        ),
        Some(status) => seen.passed("freshbooksSubscription", format!("The subscription of {name} is {status}.")),
        None => seen.unknown("freshbooksSubscription", format!("FreshBooks does not say how {name} is subscribed.")),
    }
}

/// How many clients the plan still takes: `(clients, limit)`.
fn plan(counted: Option<(u64, u64)>, seen: &mut Seen) {
    let Some((clients, limit)) = counted else {
        seen.passed("freshbooksPlanLimit", "The plan sets no limit to clients, or FreshBooks tells of none.");
        seen.alert(PLAN_LIMIT, None);
        return;
    };
    let figures = format!("{clients} of the {limit} active clients that the plan allows are in use");
    let hint = "Choose a larger plan in FreshBooks, archive clients, or let orders go to one generic client (setting matching).";
    if clients >= limit {
        let message = format!("{figures}: orders of new customers fail until there is room.");
        let problem = Problem::new(Owner::Accountant, PLAN_LIMIT, message, hint);
        seen.failed("freshbooksPlanLimit", &problem);
        seen.alert(PLAN_LIMIT, Some(Told { severity: Severity::Warning, problem, action: None }));
        return;
    }
    if clients.saturating_mul(10) >= limit.saturating_mul(9) {
        seen.warning("freshbooksPlanLimit", format!("{figures}."), Owner::Accountant, hint);
    } else {
        seen.passed("freshbooksPlanLimit", format!("{figures}."));
    }
    seen.alert(PLAN_LIMIT, None);
}

#[cfg(test)]
mod tests {
    use entity::reference_check::Outcome;

    use super::*;

    #[test]
    fn a_plan_is_warned_of_within_a_tenth_of_its_limit() {
        let judged = |counted| {
            let mut seen = Seen::new(Platform::Freshbooks);
            plan(counted, &mut seen);
            let told = seen.alerts().any(|(_, _, told)| told.is_some());
            let outcome = seen.in_order().next().unwrap().outcome;
            (outcome, told)
        };
        assert_eq!(judged(None), (Outcome::Passed, false));
        assert_eq!(judged(Some((44, 50))), (Outcome::Passed, false));
        assert_eq!(judged(Some((45, 50))), (Outcome::Warning, false));
        assert_eq!(judged(Some((50, 50))), (Outcome::Failed, true));
        assert_eq!(judged(Some((0, 0))), (Outcome::Failed, true));
    }
}

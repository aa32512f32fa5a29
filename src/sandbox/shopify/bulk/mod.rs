//! Bulk operations: five at a time, polled until they end, their file behind a signed address for seven days.

mod check;
mod ending;
mod file;
mod serve;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use self::file::{Job, Progress};
use super::{
    graphql::{Asked, World},
    model::{BulkOperationErrorCode, BulkOperationStatus as Status, BulkOperationUserErrorCode},
    options::BulkPace,
    search::{Held, Kind, Search, Searchable},
    store::OrderSortKeys,
    webhook::Topic,
};

pub(super) use self::serve::download;

/// How many operations may run at once.
const AT_ONCE: usize = 5;
/// How long a look waits for the simulator itself to write a file whose time has come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of the next bulk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkFate {
    /// It completes.
    Complete,
    /// It fails with this code; half of the file stays behind as partial data.
    Fail(BulkOperationErrorCode),
    /// It completes; the first download breaks off in the middle.
    BreakDownload,
    /// It completes; the first download ends in the middle as if it were whole.
    CutDownload,
    /// It completes; its address is refused and the operation expires.
    Expire,
}

/// All operations of the shop.
#[derive(Debug)]
pub(super) struct Bulk {
    operations: Mutex<Vec<Operation>>,
    fates: Mutex<VecDeque<BulkFate>>,
    folder: PathBuf,
}

#[derive(Debug)]
struct Operation {
    seen: Seen,
    polls: u32,
    fate: BulkFate,
    spoilt: bool,
    secret: String,
    signature: String,
    path: PathBuf,
    progress: watch::Receiver<Progress>,
    job: JoinHandle<()>,
}

/// An operation as somebody saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) status: Status,
    pub(super) error: Option<BulkOperationErrorCode>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    /// Set beside `completed_at`, and for failed operations too.
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) objects: u64,
    pub(super) roots: u64,
    pub(super) size: Option<u64>,
    pub(super) url: Option<String>,
    pub(super) partial_url: Option<String>,
    pub(super) query: String,
}

/// Why nothing was started.
pub(super) type Refusal = (Option<Vec<String>>, String, BulkOperationUserErrorCode);

impl Bulk {
    pub(super) fn new() -> std::io::Result<Bulk> {
        let folder = std::env::temp_dir().join(format!("sandbox-shopify-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&folder)?;
        Ok(Bulk { operations: Mutex::default(), fates: Mutex::default(), folder })
    }

    pub(super) fn fate(&self, fate: BulkFate) {
        lock(&self.fates).push_back(fate);
    }

    /// Starts an operation over the orders as they are now.
    pub(super) fn run(
        &self,
        asked: &Asked,
        world: &Arc<World>,
        query: &str,
        grouped: bool,
    ) -> Result<Seen, Vec<Refusal>> {
        let invalid = |message| (Some(vec!["query".to_owned()]), message, BulkOperationUserErrorCode::Invalid);
        let runnable = check::check(&asked.api.types, query)
            .map_err(|messages| messages.into_iter().map(invalid).collect::<Vec<_>>())?;
        let now = world.now();
        let mut operations = lock(&self.operations);
        let busy: Vec<String> = operations
            .iter()
            .filter(|operation| !operation.over(world.settings.bulk_pace, now))
            .map(|operation| format!("gid://shopify/BulkOperation/{}", operation.seen.id))
            .collect();
        if busy.len() >= AT_ONCE {
            let message =
                format!("A bulk query operation for this app and shop is already in progress: {}.", busy.join(", "));
            return Err(vec![(None, message, BulkOperationUserErrorCode::OperationInProgress)]);
        }
        let search = match runnable.search.as_deref().map(Search::parse::<super::model::Order>).transpose() {
            Ok(search) => search,
            Err(message) => return Err(vec![invalid(message)]),
        };
        let orders = match runnable.root.as_str() {
            "orders" => world.orders.find(search.as_ref(), world.view(&asked.scopes), OrderSortKeys::Id),
            _ => Vec::new(),
        };
        let (progress, watching) = watch::channel(Progress::default());
        let id = 7_100_000_000_001 + operations.len() as u64;
        let path = self.folder.join(format!("{id}.jsonl"));
        let job = Job {
            api: Arc::clone(&asked.api),
            scopes: asked.scopes.clone(),
            query: query.to_owned(),
            plan: runnable.plan,
            orders,
            grouped,
            path: path.clone(),
            progress,
        };
        let operation = Operation {
            seen: Seen {
                id,
                status: Status::Created,
                error: None,
                created_at: now,
                completed_at: None,
                ended_at: None,
                objects: 0,
                roots: 0,
                size: None,
                url: None,
                partial_url: None,
                query: query.to_owned(),
            },
            polls: 0,
            fate: lock(&self.fates).pop_front().unwrap_or(BulkFate::Complete),
            spoilt: false,
            secret: Uuid::new_v4().simple().to_string(),
            signature: Uuid::new_v4().simple().to_string(),
            path,
            progress: watching,
            job: tokio::spawn(job.run()),
        };
        if world.listened(Topic::BulkOperationsFinish) {
            tokio::spawn(ending::watch(Arc::downgrade(world), id, operation.progress.clone()));
        }
        let seen = operation.seen.clone();
        operations.push(operation);
        Ok(seen)
    }

    /// Looks at an operation, which brings it on.
    pub(super) async fn look(&self, world: &World, id: u64) -> Option<Seen> {
        lock(&self.operations).iter_mut().find(|operation| operation.seen.id == id)?.polls += 1;
        self.bring_on(world, id).await
    }

    /// Brings an operation to where its time and the looks at it have brought it, and tells when that is its end.
    async fn bring_on(&self, world: &World, id: u64) -> Option<Seen> {
        let waiting = {
            let operations = lock(&self.operations);
            let operation = operations.iter().find(|operation| operation.seen.id == id)?;
            let due = matches!(operation.seen.status, Status::Created | Status::Running)
                && operation.due(world.settings.bulk_pace, world.now());
            due.then(|| (operation.progress.clone(), operation.fate, operation.path.clone()))
        };
        if let Some((mut progress, fate, path)) = waiting {
            let written = tokio::time::timeout(PATIENCE, progress.wait_for(|progress| progress.ended)).await.is_ok();
            if written && matches!(fate, BulkFate::Fail(_)) {
                let halved = file::halve(&path).await;
                halved.unwrap_or_else(|error| tracing::warn!("no partial data: {error}"));
            }
        }
        let mut operations = lock(&self.operations);
        let operation = operations.iter_mut().find(|operation| operation.seen.id == id)?;
        let before = operation.seen.status;
        operation.advance(world);
        let seen = operation.seen.clone();
        drop(operations);
        if matches!(before, Status::Created | Status::Running | Status::Canceling)
            && matches!(seen.status, Status::Completed | Status::Failed | Status::Canceled)
        {
            world.tell_finished(&seen);
        }
        Some(seen)
    }

    /// Looks at all of them, newest first.
    pub(super) async fn look_at_all(&self, world: &World) -> Vec<Seen> {
        let ids: Vec<u64> = lock(&self.operations).iter().rev().map(|operation| operation.seen.id).collect();
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.extend(self.look(world, id).await);
        }
        all
    }

    /// Asks an operation to stop; the message tells why it cannot.
    pub(super) fn cancel(&self, world: &World, id: u64) -> Option<(Seen, Option<String>)> {
        let mut operations = lock(&self.operations);
        let operation = operations.iter_mut().find(|operation| operation.seen.id == id)?;
        let state = match operation.seen.status {
            Status::Created | Status::Running => {
                operation.job.abort();
                operation.seen.status = Status::Canceling;
                operation.seen.ended_at = Some(world.now());
                return Some((operation.seen.clone(), None));
            }
            Status::Canceling => return Some((operation.seen.clone(), None)),
            Status::Completed | Status::Expired => "completed",
            Status::Failed => "failed",
            Status::Canceled => "canceled",
        };
        let message = format!("A bulk operation cannot be canceled when it is {state}");
        Some((operation.seen.clone(), Some(message)))
    }

    /// Stops what is under way, as the end of the app's installation does.
    pub(super) fn abandon(&self, now: DateTime<Utc>) {
        let running = |operation: &&mut Operation| {
            matches!(operation.seen.status, Status::Created | Status::Running | Status::Canceling)
        };
        for operation in lock(&self.operations).iter_mut().filter(running) {
            operation.job.abort();
            operation.seen.status = Status::Canceled;
            operation.seen.ended_at = Some(now);
        }
    }

    /// Stops the writing and removes the files.
    pub(super) fn clear(&self) {
        for operation in lock(&self.operations).iter() {
            operation.job.abort();
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::debug!("result files stay behind: {error}");
        }
    }
}

impl Operation {
    fn due(&self, pace: BulkPace, now: DateTime<Utc>) -> bool {
        match pace {
            BulkPace::Polls(polls) => self.polls >= polls,
            BulkPace::After(time) => TimeDelta::from_std(time).is_ok_and(|time| now >= self.seen.created_at + time),
        }
    }

    fn over(&self, pace: BulkPace, now: DateTime<Utc>) -> bool {
        match self.seen.status {
            Status::Created | Status::Running => self.due(pace, now) && self.progress.borrow().ended,
            Status::Canceling => false,
            _ => true,
        }
    }

    fn advance(&mut self, world: &World) {
        let now = world.now();
        match self.seen.status {
            Status::Created | Status::Running => {
                let progress = *self.progress.borrow();
                self.seen.objects = progress.objects;
                self.seen.roots = progress.roots;
                self.seen.status = Status::Running;
                if self.due(world.settings.bulk_pace, now) && progress.ended {
                    self.end(world, progress, now);
                }
            }
            Status::Canceling => self.seen.status = Status::Canceled,
            Status::Completed if self.expired(now) => {
                self.seen.status = Status::Expired;
                self.seen.url = None;
            }
            _ => {}
        }
    }

    fn end(&mut self, world: &World, progress: Progress, now: DateTime<Utc>) {
        self.seen.ended_at = Some(now);
        let failed = match self.fate {
            BulkFate::Fail(code) => Some(code),
            _ if progress.denied => Some(BulkOperationErrorCode::AccessDenied),
            _ if progress.broken => Some(BulkOperationErrorCode::InternalServerError),
            _ => None,
        };
        let url = (progress.objects > 0).then(|| self.address(&world.base(), now));
        if failed.is_some() {
            self.seen.status = Status::Failed;
            self.seen.error = failed;
            self.seen.partial_url = url;
        } else {
            self.seen.status = Status::Completed;
            self.seen.completed_at = Some(now);
            self.seen.size = Some(progress.bytes);
            self.seen.url = url;
        }
    }

    fn expired(&self, now: DateTime<Utc>) -> bool {
        self.seen.ended_at.is_some_and(|ended| now >= ended + TimeDelta::days(7))
            || (self.fate == BulkFate::Expire && self.spoilt)
    }

    fn address(&self, base: &str, ended: DateTime<Utc>) -> String {
        let expires = (ended + TimeDelta::days(7)).timestamp();
        let name = format!("bulk-{}.jsonl", self.seen.id);
        format!(
            "{base}/bulk-operation-outputs/{}?GoogleAccessId=sandbox%40example.com&Expires={expires}&Signature={}\
             &response-content-disposition=attachment%3B+filename%3D%22{name}%22&response-content-type=application%2Fjsonl",
            self.secret, self.signature
        )
    }
}

const STATUSES: &[&str] = &["canceled", "canceling", "completed", "created", "failed", "running"];

impl Searchable for Seen {
    fn kind(field: &str) -> Option<Kind> {
        Some(match field {
            "created_at" | "completed_at" => Kind::Time,
            "id" => Kind::Number,
            "status" => Kind::Choice(STATUSES),
            "operation_type" => Kind::Choice(&["query", "mutation"]),
            _ => return None,
        })
    }

    fn held(&self, field: &str) -> Held {
        match field {
            "created_at" => Held::Time(Some(self.created_at)),
            "completed_at" => Held::Time(self.completed_at),
            "id" => Held::Number(i64::try_from(self.id).unwrap_or_default()),
            "operation_type" => Held::Text(vec!["query".to_owned()]),
            _ => Held::Text(vec![format!("{:?}", self.status).to_lowercase()]),
        }
    }

    fn words(&self) -> Vec<String> {
        Vec::new()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

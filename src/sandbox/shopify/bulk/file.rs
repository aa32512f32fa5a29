//! The result file, written page by page as Shopify writes it.
//!
//! One object a line; slashes escaped; a node of a nested connection is a line of its own, `__parentId` last. Without grouping all roots
//! come first, then all children: nothing promises that they are adjacent, so the simulator makes sure that they are not.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_graphql::{Name, Request, Value, indexmap::IndexMap};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
    sync::watch,
};

use super::check::Plan;
use crate::sandbox::shopify::{
    graphql::{Api, Asked},
    model::Order,
    oauth::Scopes,
};

/// How many orders are asked for at a time.
const PAGE: usize = 20;

/// How far a file is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) objects: u64,
    pub(super) roots: u64,
    pub(super) bytes: u64,
    pub(super) ended: bool,
    pub(super) broken: bool,
    /// Broken because the token may not see what was asked for.
    pub(super) denied: bool,
}

/// What to write, and where.
pub(super) struct Job {
    pub(super) api: Arc<Api>,
    pub(super) scopes: Scopes,
    pub(super) query: String,
    pub(super) plan: Plan,
    pub(super) orders: Vec<Arc<Order>>,
    pub(super) grouped: bool,
    pub(super) path: PathBuf,
    pub(super) progress: watch::Sender<Progress>,
}

impl Job {
    /// Runs to the end; the last progress says how it went.
    pub(super) async fn run(self) {
        let ended = match self.write().await {
            Ok(done) => Progress { ended: true, ..done },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "simulated bulk operation failed");
                let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                Progress { ended: true, broken: true, denied, ..*self.progress.borrow() }
            }
        };
        self.progress.send_replace(ended);
    }

    async fn write(&self) -> std::io::Result<Progress> {
        let mut done = Progress::default();
        let mut roots = BufWriter::new(File::create(&self.path).await?);
        let late = self.path.with_extension("children");
        let mut children = BufWriter::new(File::create(&late).await?);
        // Without orders there is one page all the same: a refusal does not depend on them.
        let empty = self.orders.is_empty().then_some(&[][..]);
        for page in self.orders.chunks(PAGE).chain(empty) {
            let asked = Asked::bulk(&self.api, &self.scopes, page.to_vec());
            let answer = self.api.schema.execute(Request::new(&self.query).data(asked)).await;
            if let Some(error) = answer.errors.first() {
                let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
                let denied = code == Some(&Value::from("ACCESS_DENIED"));
                let kind = if denied { std::io::ErrorKind::PermissionDenied } else { std::io::ErrorKind::Other };
                return Err(std::io::Error::new(kind, error.message.clone()));
            }
            let mut lines = Lines { grouped: self.grouped, ..Lines::default() };
            if let Value::Object(mut data) = answer.data {
                lines.connection(data.swap_remove(self.plan.key.as_str()).unwrap_or_default(), &self.plan, None)?;
            }
            roots.write_all(lines.roots.as_bytes()).await?;
            children.write_all(lines.children.as_bytes()).await?;
            done.objects += lines.objects;
            done.roots += lines.root_objects;
            done.bytes += (lines.roots.len() + lines.children.len()) as u64;
            self.progress.send_replace(done);
            tokio::task::yield_now().await;
        }
        children.flush().await?;
        let mut rest = File::open(&late).await?;
        tokio::io::copy(&mut rest, &mut roots).await?;
        roots.flush().await?;
        tokio::fs::remove_file(&late).await?;
        Ok(done)
    }
}

/// The first half of a file's lines, for an operation that failed.
pub(super) async fn halve(path: &Path) -> std::io::Result<()> {
    let whole = tokio::fs::read(path).await?;
    let middle = whole.len() / 2;
    let end = whole.iter().skip(middle).position(|&byte| byte == b'\n').map_or(whole.len(), |at| middle + at + 1);
    let file = tokio::fs::OpenOptions::new().write(true).open(path).await?;
    file.set_len(end as u64).await
}

#[derive(Default)]
struct Lines {
    grouped: bool,
    roots: String,
    children: String,
    objects: u64,
    root_objects: u64,
}

impl Lines {
    fn connection(&mut self, connection: Value, plan: &Plan, parent: Option<&str>) -> std::io::Result<()> {
        let Value::Object(mut connection) = connection else { return Ok(()) };
        let Some(Value::List(edges)) = connection.swap_remove("edges") else { return Ok(()) };
        for edge in edges {
            let Value::Object(mut edge) = edge else { continue };
            if let Some(Value::Object(node)) = edge.swap_remove("node") {
                self.node(node, plan, parent)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, mut node: IndexMap<Name, Value>, plan: &Plan, parent: Option<&str>) -> std::io::Result<()> {
        let nested: Vec<(&Plan, Value)> =
            plan.children.iter().filter_map(|child| Some((child, node.shift_remove(child.key.as_str())?))).collect();
        let id = match node.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        };
        self.objects += 1;
        match parent {
            None => self.root_objects += 1,
            Some(parent) => {
                node.insert(Name::new("__parentId"), Value::String(parent.to_owned()));
            }
        }
        let line = serde_json::to_string(&Value::Object(node)).map_err(std::io::Error::other)?.replace('/', "\\/");
        let file = if parent.is_none() || self.grouped { &mut self.roots } else { &mut self.children };
        file.push_str(&line);
        file.push('\n');
        for (child, connection) in nested {
            self.connection(connection, child, id.as_deref())?;
        }
        Ok(())
    }
}

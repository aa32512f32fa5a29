//! A database of one run.

use anyhow::Context;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use uuid::Uuid;

/// Made for a run, and removed after it. The folder is there on PostgreSQL too, for logs.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    server: Option<(String, String)>,
}

impl Database {
    pub(crate) fn file() -> anyhow::Result<Self> {
        let folder = folder()?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("chaos.db").display());
        Ok(Self { url, folder, server: None })
    }

    pub(crate) async fn on(server: &str) -> anyhow::Result<Self> {
        let name = format!("mlc_chaos_{}", Uuid::new_v4().simple());
        let admin = sea_orm::Database::connect(server).await.context("PostgreSQL does not answer")?;
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
        let mut url: url::Url = server.parse()?;
        url.set_path(&name);
        Ok(Self { url: url.into(), folder: folder()?, server: Some((server.to_owned(), name)) })
    }

    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        if let Some((server, name)) = self.server {
            let admin = sea_orm::Database::connect(&server).await?;
            admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }

    /// Leaves everything as it is, for whoever wants to know why.
    pub(crate) fn keep(self) -> std::path::PathBuf {
        self.folder.keep()
    }
}

fn folder() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("ml-connector-chaos-").tempdir().context("cannot make a folder")
}

//! The service as an operator runs it: processes of their own, which are killed and started anew.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};

use crate::world::{World, free_port};

/// Killed when dropped.
pub(crate) struct Fleet {
    replicas: Vec<Replica>,
}

struct Replica {
    port: u16,
    environment: Vec<(&'static str, String)>,
    log: PathBuf,
    child: Child,
}

impl Fleet {
    pub(crate) async fn start(world: &World, processes: usize, log: &str) -> anyhow::Result<Self> {
        let mut replicas = Vec::new();
        for at in 0..processes {
            let port = if at == 0 { world.port } else { free_port().await? };
            let environment = world.environment(port, log);
            let log = world.database.folder.path().join(format!("service-{at}.log"));
            let child = started(&environment, &log)?;
            replicas.push(Replica { port, environment, log, child });
        }
        Ok(Self { replicas })
    }

    pub(crate) fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Where Shopify's webhooks may go.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.replicas.iter().map(|replica| format!("http://127.0.0.1:{}/webhooks/shopify", replica.port)).collect()
    }

    /// SIGKILL: nothing is finished, nothing is said. Fails where the process had ended by itself.
    pub(crate) fn kill(&mut self, at: usize) -> anyhow::Result<()> {
        let replica = &mut self.replicas[at];
        if let Some(status) = replica.child.try_wait()? {
            bail!("process {at} of the service ended by itself: {status}");
        }
        replica.child.kill()?;
        replica.child.wait()?;
        Ok(())
    }

    pub(crate) fn start_anew(&mut self, at: usize) -> anyhow::Result<()> {
        let replica = &mut self.replicas[at];
        replica.child = started(&replica.environment, &replica.log)?;
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            // Fails only where it has ended already.
            let _ = replica.child.kill();
            let _ = replica.child.wait();
        }
    }
}

fn started(environment: &[(&'static str, String)], log: &Path) -> anyhow::Result<Child> {
    let folder = log.parent().context("a log is in a folder")?;
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ml-connector"));
    // In a folder without a `.env`: an operator's settings are none of this run's.
    command.arg("serve").current_dir(folder).env_clear().envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("the service does not start")
}

//! A wire between the service and its PostgreSQL, which a test can cut: at the n-th statement, or altogether for a while.
//!
//! It understands just enough of the protocol to count what runs: simple queries and executions, so that BEGIN and COMMIT count too.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use url::Url;

/// When a connection breaks, seen from the effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// The server never hears of it.
    Before,
    /// The server has done it; nobody hears of that.
    After,
}

/// A running wire; dropping it breaks every connection.
pub(crate) struct Wire {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: String,
    /// How many statements still pass, and what befalls the one after them.
    next: Mutex<Option<(u64, Break)>>,
    refusing: AtomicBool,
    cut: Notify,
}

impl Wire {
    /// A wire to the server of this database.
    pub(crate) async fn before(database: &str) -> Self {
        let url: Url = database.parse().unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let shared =
            Arc::new(Shared { server, next: Mutex::default(), refusing: AtomicBool::default(), cut: Notify::new() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let here = shared.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let shared = here.clone();
                tokio::spawn(async move {
                    // Hears of a cut from here on; one that came before is seen below.
                    let cut = shared.cut.notified();
                    if shared.refusing.load(Ordering::SeqCst) {
                        return;
                    }
                    tokio::select! {
                        () = cut => {}
                        // Whichever side hangs up: so does the other.
                        _ = carry(client, &shared) => {}
                    }
                });
            }
        });
        Self { port, shared, accepting }
    }

    /// The same database by way of this wire.
    pub(crate) fn through(&self, database: &str) -> String {
        let mut url: Url = database.parse().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        // What is encrypted cannot be counted.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    /// Breaks the connection that sends a statement after `n` others have passed.
    pub(crate) fn break_at(&self, n: u64, moment: Break) {
        *self.shared.next.lock().unwrap() = Some((n, moment));
    }

    /// Whether that has happened by now.
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.next.lock().unwrap().is_none()
    }

    /// Whether that has happened; if not, it will not any more.
    pub(crate) fn has_broken(&self) -> bool {
        self.shared.next.lock().unwrap().take().is_none()
    }

    /// The server goes away: every connection breaks, and no other comes to be until [`Wire::pass`].
    pub(crate) fn refuse(&self) {
        self.shared.refusing.store(true, Ordering::SeqCst);
        self.shared.cut.notify_waiters();
    }

    /// The server is there again.
    pub(crate) fn pass(&self) {
        self.shared.refusing.store(false, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        self.refuse();
    }
}

impl Shared {
    /// What befalls this statement.
    fn strike(&self) -> Option<Break> {
        let mut next = self.next.lock().unwrap();
        match next.take() {
            Some((0, moment)) => Some(moment),
            Some((n, moment)) => {
                *next = Some((n - 1, moment));
                None
            }
            None => None,
        }
    }
}

/// Carries messages both ways until one side hangs up, or the connection is to break.
async fn carry(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect(&shared.server).await?;
    for side in [&client, &server] {
        side.set_nodelay(true)?;
    }
    let ((from_client, mut to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let (mut asks, mut answers) = (Messages::of(from_client, true), Messages::of(from_server, false));
    // Each query, and each group of messages that ends with a sync, is answered by one "ready"; so is the start.
    let (mut asked, mut answered) = (1_u64, 0_u64);
    // At how many answers nobody is there any more to hear the last one.
    let mut unheard: Option<u64> = None;
    loop {
        tokio::select! {
            ask = asks.next() => {
                let ask = ask?;
                let kind = ask[0];
                if unheard.is_none() && matches!(kind, b'Q' | b'E') {
                    match shared.strike() {
                        Some(Break::Before) => return Ok(()),
                        Some(Break::After) => unheard = Some(asked + 1),
                        None => {}
                    }
                }
                asked += u64::from(matches!(kind, b'Q' | b'S'));
                to_server.write_all(&ask).await?;
            }
            answer = answers.next() => {
                let answer = answer?;
                answered += u64::from(answer[0] == b'Z');
                if unheard.is_some_and(|last| answered >= last) {
                    return Ok(());
                }
                if unheard.is_none_or(|last| answered + 1 < last) {
                    to_client.write_all(&answer).await?;
                }
            }
        }
    }
}

/// The messages of one direction, whole.
struct Messages<R> {
    from: R,
    read: Vec<u8>,
    /// The first message of a client has no kind in front of its length.
    first: bool,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    fn of(from: R, first: bool) -> Self {
        Self { from, read: Vec::new(), first }
    }

    /// The next one; safe to be given up while it waits.
    async fn next(&mut self) -> io::Result<Vec<u8>> {
        let at = usize::from(!self.first);
        loop {
            if let Some(length) = self.read.get(at..at + 4) {
                let length = at + u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
                if self.read.len() >= length {
                    self.first = false;
                    let rest = self.read.split_off(length);
                    return Ok(std::mem::replace(&mut self.read, rest));
                }
            }
            if self.from.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

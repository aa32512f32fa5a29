//! Connections: taken, given time, let go.
//!
//! A handler has its own limit of time; this is about those who never get as far as one. Whoever does not send a whole first request in
//! time, or leaves the next one unfinished, is hung up on.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, http::Request, serve::Listener};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;
use tracing::{debug, warn};

use super::layers;

/// How long the head of a request may take, and how long a connection may be idle before it.
const HEAD_WITHIN: Duration = Duration::from_secs(20);
/// How often a connection of HTTP/2 is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How much longer than a handler the end of the server waits.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop`; requests under way are answered first.
pub(super) async fn run(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let builder = builder();
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Says what failed, and waits where the system has no more room.
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let one = ForPeer { router: router.clone(), peer, heard: Arc::default() };
        connections.spawn(serve(builder.clone(), stream, one, stop.clone(), HEAD_WITHIN));
    }
    drop(listener);
    connections.close();
    if timeout(layers::LONGEST + GRACE, connections.wait()).await.is_err() {
        warn!("{} connections did not end in time", connections.len());
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).enable_connect_protocol();
    builder
}

/// `patience` is for the first request: until then it is not even known which HTTP this is, and the builder's own limits are not at work.
async fn serve(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    one: ForPeer,
    stop: CancellationToken,
    patience: Duration,
) {
    let heard = Arc::clone(&one.heard);
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(one)));
    let mut silence = pin!(sleep(patience));
    let (mut stopping, mut settled) = (false, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(error = &*error, "a connection ended badly");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut silence, if !settled => {
                settled = true;
                if !heard.load(Ordering::Relaxed) {
                    debug!("a connection brought no request in time");
                    return;
                }
            }
        }
    }
}

/// The routes for one connection: they learn who is at its other end.
#[derive(Clone)]
struct ForPeer {
    router: Router,
    peer: SocketAddr,
    heard: Arc<AtomicBool>,
}

impl<B> Service<Request<B>> for ForPeer
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<B>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.heard.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.call(request)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A connection to a server that is patient for a moment, after these bytes.
    async fn after(bytes: &[u8], patience: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let routes = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()));
        let one = ForPeer { router: routes, peer, heard: Arc::default() };
        let mut builder = builder();
        builder.http1().header_read_timeout(patience);
        tokio::spawn(serve(builder, stream, one, CancellationToken::new(), patience));
        client.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(10), client.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "it is still open after {:?}", String::from_utf8_lossy(bytes));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let me = client.local_addr().unwrap().to_string();
        answer.replace(&me, "me")
    }

    #[tokio::test]
    async fn whoever_does_not_finish_a_request_is_hung_up_on() {
        let patience = Duration::from_millis(200);
        for bytes in
            [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "]
        {
            let answer = after(bytes, patience).await;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
        // Also after a good one.
        let answer = after(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT", patience).await;
        assert_eq!(answer.matches("200 OK").count(), 1, "{answer}");
        assert!(answer.contains("me"), "the route knows its peer: {answer}");
    }
}

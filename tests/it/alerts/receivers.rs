//! Who is told: a webhook receiver that checks signatures, and a mail server. Both can refuse.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

pub(super) const SECRET: &str = "signing-hunter2";
pub(super) const PATH_SECRET: &str = "hooks-hunter2";
pub(super) const PASSWORD: &str = "mail-hunter2";

/// A message as the webhook took it.
#[derive(Clone)]
pub(super) struct Posted {
    pub(super) id: String,
    pub(super) body: Value,
}

#[derive(Default)]
struct Hook {
    /// Status codes of the next answers; 200 when there are none left.
    answers: VecDeque<u16>,
    /// Every arrival, whatever was answered.
    arrived: Vec<Posted>,
    accepted: Vec<Posted>,
    holds: bool,
}

#[derive(Clone)]
pub(super) struct Webhook {
    hook: Arc<Mutex<Hook>>,
    pub(super) url: String,
}

impl Webhook {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/services/{PATH_SECRET}", listener.local_addr().unwrap());
        let hook = Arc::<Mutex<Hook>>::default();
        let routes = Router::new().route("/services/{secret}", post(receive)).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { hook, url }
    }

    fn hook(&self) -> MutexGuard<'_, Hook> {
        self.hook.lock().unwrap()
    }

    /// Answers these before it accepts anything again.
    pub(super) fn answers(&self, answers: &[u16]) {
        self.hook().answers.extend(answers);
    }

    /// Keeps its callers waiting, or no longer.
    pub(super) fn hold(&self, holds: bool) {
        self.hook().holds = holds;
    }

    pub(super) fn arrived(&self) -> usize {
        self.hook().arrived.len()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.hook().arrived.iter().map(|posted| posted.id.clone()).collect()
    }

    pub(super) fn accepted(&self) -> Vec<Posted> {
        self.hook().accepted.clone()
    }

    /// The states of the messages that it took.
    pub(super) fn states(&self) -> Vec<String> {
        self.accepted().iter().map(|posted| posted.body["state"].as_str().unwrap().to_owned()).collect()
    }
}

async fn receive(State(hook): State<Arc<Mutex<Hook>>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(header("x-mlc-timestamp").as_bytes());
    mac.update(b".");
    mac.update(&body);
    let signed = header("x-mlc-signature");
    if mac.verify_slice(&hex::decode(signed.strip_prefix("v1=").unwrap()).unwrap()).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let posted = Posted { id: header("x-mlc-alert-id"), body: serde_json::from_slice(&body).unwrap() };
    hook.lock().unwrap().arrived.push(posted.clone());
    while hook.lock().unwrap().holds {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut hook = hook.lock().unwrap();
    match hook.answers.pop_front().unwrap_or(200) {
        302 => (StatusCode::FOUND, [("location", "/services/elsewhere")]).into_response(),
        200 => {
            hook.accepted.push(posted);
            StatusCode::OK.into_response()
        }
        status => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

#[derive(Default)]
struct Box {
    /// How many messages are refused for now.
    refusals: u32,
    mails: Vec<String>,
    receivers: Vec<String>,
}

/// Speaks as much SMTP as a mail takes.
#[derive(Clone)]
pub(super) struct MailServer {
    mails: Arc<Mutex<Box>>,
    pub(super) url: String,
}

impl MailServer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://mlc:{PASSWORD}@{}", listener.local_addr().unwrap());
        let server = Self { mails: Arc::default(), url };
        let mails = server.mails.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(socket, mails.clone()));
            }
        });
        server
    }

    pub(super) fn refuse(&self, times: u32) {
        self.mails.lock().unwrap().refusals = times;
    }

    /// The mails it took, as they are before their lines were folded.
    pub(super) fn mails(&self) -> Vec<String> {
        let mails = self.mails.lock().unwrap();
        mails.mails.iter().map(|mail| mail.replace("=\r\n", "").replace("=3D", "=").replace("\r\n ", " ")).collect()
    }

    pub(super) fn subjects(&self) -> Vec<String> {
        let subject = |mail: &String| mail.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
        self.mails().iter().filter_map(subject).collect()
    }

    pub(super) fn receivers(&self) -> Vec<String> {
        self.mails.lock().unwrap().receivers.clone()
    }
}

async fn talk(socket: TcpStream, mails: Arc<Mutex<Box>>) {
    let mut socket = BufReader::new(socket);
    socket.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
    let mut line = String::new();
    loop {
        line.clear();
        if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split([' ', ':', '\r']).next().unwrap().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-mail.example.com\r\n250 AUTH PLAIN\r\n".to_owned(),
            "AUTH" => "235 2.7.0 Welcome\r\n".to_owned(),
            "RCPT" => {
                let mut mails = mails.lock().unwrap();
                if mails.refusals > 0 {
                    mails.refusals -= 1;
                    "450 4.2.1 somebody@example.com is busy\r\n".to_owned()
                } else {
                    mails.receivers.push(line["RCPT TO:".len()..].trim().to_owned());
                    "250 2.1.5 OK\r\n".to_owned()
                }
            }
            "DATA" => {
                socket.write_all(b"354 Go ahead\r\n").await.unwrap();
                let mut mail = String::new();
                loop {
                    line.clear();
                    socket.read_line(&mut line).await.unwrap();
                    if line == ".\r\n" {
                        break;
                    }
                    mail += line.strip_prefix('.').unwrap_or(&line);
                }
                mails.lock().unwrap().mails.push(mail);
                "250 2.0.0 Taken\r\n".to_owned()
            }
            "QUIT" => {
                socket.write_all(b"221 2.0.0 Bye\r\n").await.ok();
                return;
            }
            _ => "250 2.0.0 OK\r\n".to_owned(),
        };
        socket.write_all(reply.as_bytes()).await.unwrap();
    }
}

//! An identity provider for tests: serves the keys it is told to, over real HTTP, and signs tokens.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

use crate::config::Config;

pub(crate) const ISSUER: &str = "https://id.example.com/";
pub(crate) const AUDIENCE: &str = "ml-connector";

/// A key pair of the provider.
#[derive(Clone, Copy)]
pub(crate) enum Pair {
    Rsa,
    /// Another one of the same kind.
    OtherRsa,
    Ec,
    Ed,
}

impl Pair {
    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::Rsa | Self::OtherRsa => Algorithm::RS256,
            Self::Ec => Algorithm::ES256,
            Self::Ed => Algorithm::EdDSA,
        }
    }

    fn private(self) -> EncodingKey {
        match self {
            Self::Rsa => EncodingKey::from_rsa_pem(RSA.as_bytes()),
            Self::OtherRsa => EncodingKey::from_rsa_pem(OTHER_RSA.as_bytes()),
            Self::Ec => EncodingKey::from_ec_pem(EC.as_bytes()),
            Self::Ed => EncodingKey::from_ed_pem(ED.as_bytes()),
        }
        .unwrap()
    }

    /// The public half, as a key set lists it.
    pub(crate) fn listed(self, kid: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private(), self.algorithm()).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        json!(jwk)
    }

    /// A token with these claims.
    pub(crate) fn sign(self, kid: Option<&str>, claims: &Value) -> String {
        self.sign_by(self.algorithm(), kid, claims)
    }

    pub(crate) fn sign_by(self, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.private()).unwrap()
    }
}

/// What the provider does when it is asked.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(Vec<Value>),
    Other(StatusCode, String),
    /// To an address that lists keys.
    Redirect,
    Silence,
}

struct Script {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
}

pub(crate) struct Provider {
    pub(crate) url: String,
    script: Arc<Script>,
}

impl Provider {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let script = Arc::new(Script { answer: Mutex::new(Answer::Keys(keys)), asked: AtomicUsize::new(0) });
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, script }
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.script.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    /// `config` with this provider in it.
    pub(crate) fn in_config(&self, config: Config) -> Config {
        Config {
            jwt_jwks_url: Some(self.url.parse().unwrap()),
            jwt_issuer: Some(ISSUER.to_owned()),
            jwt_audience: Some(AUDIENCE.to_owned()),
            ..config
        }
    }
}

async fn answer(State(script): State<Arc<Script>>) -> axum::response::Response {
    script.asked.fetch_add(1, Ordering::SeqCst);
    let answer = script.answer.lock().unwrap().clone();
    match answer {
        Answer::Keys(keys) => {
            tokio::time::sleep(Duration::from_millis(20)).await; // so that questions overlap
            axum::Json(json!({ "keys": keys })).into_response()
        }
        Answer::Other(status, body) => (status, body).into_response(),
        Answer::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

/// Made for these tests, used nowhere else.
const RSA: &str = "-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDCA8aO9iQLUZQE
8Ny7yMEJTrHiAEW5qKcJaGDaQMNKGxUOn/fSaE2YdDGZ3XL68JWXZorgxofIt0x0
Gz2zWz3J5TUdEJViG/8pGt69GFh87s9XjTxfzdkoCqhw1aNVzjIY2Ca7X9mdOtQE
PkPTLRGikiHhYGA8aT4UCJqxQupzskJPnMO7/rtfXBQmg7S+h6MB/ll0sXuMlUPE
HVuDwbSvcH7GexT888g3EDSRQVvy9M4Or5yKgNf+LHjnDWDOkmkzJ864cYy0i9fY
fe3R9+OXFGOkzvp1wZ1zz6M+CVi5mEXqkIJduLYaZABKivsx8Wl6gwPIFRX8i7ZU
FQFqoxYNAgMBAAECggEAPEKW9AVwiZFzg5taO/stNdpa9sK15WYER7BDUNbHsWc7
AZlfDFu4Ki+AznURRu7dz7IaVZlkSEvic7eYUPJ4fRJzjkz90QS4GojNgPckWN2F
ygBErc8OcVjqG23Htxl9xuiwEwfA3AyPGKhMQbWgYhm4azuXeHwJu4g2n/MURg2f
RmjWrG+eVSnWrFUmE8hRATljQC6YAnLsB+MuChhvwO5N1EWnSXqOJDFHDWSGgktB
bfdUQSldlFi+0Yv+lk/3ygGUQU2f94qlG6Sp3xTELsUY6Fvtkxf7SdmYWYt/kbs2
lVMyVQ4GHpFlexQbjX/JVcQbCRU2nTBE14aZ5HoCAwKBgQD3dJOSZDZZfS9M8mS9
m+bXTJrbzjTuAgJ9TKVzRnOB19vXgCON4YR6/d4TavVtxzobw+mW9ksC1NMmJEzv
3iVfZiHI6KUxN8qLzkUb7XXkN7IkTzI10zTv41TT+JCwiwdrwF1G6KU7rR31hdE2
B5A2jX4Z1qzchIXjiPt5ry6pYwKBgQDIts09YAd7OLR+IdscOV4f1PnK1mLLPagX
tOhy0OJYRxBdXkgKA4kDQHwh7vjISVmL/NpUejnPYUW26nur4y6myWpuCMVnzco/
5Mwb3T5ATE7dZvHeFUinRzxlgGtHzKK+mmKGJupM/KnxSFfq3LQHj8P6UksBxNqQ
+iFNsOEVzwKBgFtqirXzJYzrzVSc25CcjqwNFcyMIkunHGpTrW+noDZgm0vCf+AD
ZyDUtnzv75lNl274ckwd0tpJ63NUx8N5is7yeRqyr4w+Mypw2mEV2Y6k8L+vLjpq
O00/62+fjTxbMDOjThJLEfe43a99byuJocI1hVdgUl3o61mCmnx6tj9HAoGBAIwd
QI1V2iMk5Ksgi0raqWBjVrVIj9L9ibhy68orE7c4dK4ZQQTsjtscSwuNPVLkEYTt
0KQkZvLkHrygWBEYGNsJxChoKxZZzJRp7iqNegV8v5lDYhj8lqlfy0O4MCwBKKMS
NzEbPXjc8O2k6Orlgy+8Jr06cW4cs899LX6Eubx1AoGBALg694Kd3XEKGm6aPKfU
OnQ1eNYlgHkPc81nEmVzDOZfFMEcJCCuVeRsYikn+8O7a/4Ts68t8m1bGCjN6T/7
spE37h132QDWEpkeT5xh6U8Au006LL1Y82HKKGRgFV8aO/r71kVm1SxohRpt6BLA
WXgsXW8Xy9PaDiG+6dRUddkd
-----END PRIVATE KEY-----\n";

/// Made for these tests, used nowhere else.
const OTHER_RSA: &str = "-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDGTWh/5vSMo6DA
sy5KWM7AK0G7JrtxBelpblq8VsyBRyvGM2swVaf57roFuS/AaYzGFiC+ZUIy+xFx
oQVMnDzdaa9bNHG+dlsS8DMYGZIuYCxM03TuqSP8J8B+tug8h8G1eJ1hPF3rXd3M
jdiITSCYCerlnLZk1jI9AdD30D85DO00HLWIwkVPkXvZL26ppmZVcg+vQcdfDXPm
lJnI4G+b4n2eXTRTlI+uvmQWTQGQyKyZmDQtrRkv9a1PNDUBZRFi/KJDzHYcdQk/
9QGnKdQyA031QXduOCe+i50Y8B/VkhWCl7AU9axenbXoKCo9C3aVVSvRMTHGfymt
74ba/8/XAgMBAAECggEAM8+XxQsvy+sYniBysMQhSL5Ej0RgZvhXcs99b4XyKrjQ
rBlVISzQFZIVEle/LTOmrz6q0XQdZrqIZTrf6pNLp8HsKhU6vrunsfwGLX7I3csM
6Am7nHuexkwQlErvxJjnuKVJ4VTnaQ5+W+qXr40PPgohUFqwoQoB2ES4N3c2fY34
Ul5HCSmZY3QEpaUWEJusgVa2YcAowCo52iLegX1AobBMSLeIS1CY/e0KAXHCXzBP
ZJ4jSs9UPld5lIepcUXZjag6DVVTIXFyfRznVGwSfd+VgIhcfqdQwzj7DZgP7w23
jXAgtOf7Y1fjV2mKpdV6DBPChUp1CyFtt45Nb0zEOQKBgQDi2Pr4HR+3i/W3cuTO
j1BX4Y7zkintMsYd7lkjKaiCmmkPTHNztFtKHRdpB7AXrnmFi9yfZshqNrSFnwXy
/XKLL16jp2tzHoog1ZWMZopPPfLbNoYi+AQijx9P/tBcZu5xCCqS/xis8wRZt3cg
7ic+85AKj/WqlxZpChc7aMbbJQKBgQDfyVL3ZHqkad5bG3AFdTmeXhImFCyrxrgf
jw8BZ0qsD55jrMVcxNODVlPe/MuXoFYzWBqy1BmynJCPIbZao96/QrxNy8v6BmLQ
KD2Db4wVtNY5isfA5glzFFYYaEjLiKDxO4ibDyAMCKbKXzwTlq7BbH0iMimgjDNp
Lc8o9gJsSwKBgB3WRExWKFHQCuWyKv4wQ3ULqe3Hj9QvFXfiXb8OP6fN/3uPpq/V
TRyWbvnVlQfIXxt9peshbcLqpxvcKsAnLeW4uU31O2DM54YiEaWB5zc9ArBqn4IB
9SlGgevXrDg7IamkVVU4UFqPLEdQpk6ihG73Qj7haIKjlMMEHMInqeAxAoGBAJR3
RWK5t5/SWOGKv3PvhI1rjZDTu5su2EKfr23X8DNcnVE1cy6LqmOs5zG99vgeOHIR
1oyjqHTV6BX9YLSbmRC8np7iQO4cRHwi5kSHwaE4+xLr3oA8XTKK4F+K+BiICXZh
b8ynaTRynO0P55R7WG8coZwJOZK40PbLnG9pXswnAoGAKgTs80MZsiFlB8h6PQq+
EtGipJ/R2WUs32NtJMwD4AZfguW8A7quzKP6xk1GGS4hLFSXPlrozID1jIo3Wqqy
ME0IWPJL1ZsPxzLwJwh2HZ/ARq/bb7k9iKAWppG0L45dLLGuwl0RM4P6UjhxKd9I
O7KRQ1JcIytuiVOFM50yOPI=
-----END PRIVATE KEY-----\n";

/// Made for these tests, used nowhere else.
const EC: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgun1a1dpU7edzxcGq
aI6malxtrASMqngUEHmf0HWW4BKhRANCAARCalZJQDq1NT9gxPki/7ZtUX/bT4Lq
kbfwT0Bw5oYroFtGRyLjpaIDnBqwBco/c6Pp3igaptQxK3PDUY1PhtHE
-----END PRIVATE KEY-----\n";

/// Made for these tests, used nowhere else.
const ED: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIB5whxeOhDdEuRO0AtYo4wmRAmWnyN25wU85fVi0fTYt
-----END PRIVATE KEY-----\n";

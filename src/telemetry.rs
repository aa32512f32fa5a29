//! What the service says about itself: logs, traces, figures.
//!
//! Logs go to stderr, stdout belongs to the commands. The figures of `/metrics` are named here and nowhere else: dashboards rely on the
//! names. No label ever holds an order, a shop or a person.

use std::{
    io::{IsTerminal, stderr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SdkTracerProvider, SpanData},
};
use tokio::runtime::Handle;
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

const ORDERS_SETTLED: &str = "mlc_orders_settled_total";
const FRESHBOOKS_CALLS: &str = "mlc_freshbooks_calls_total";
const FRESHBOOKS_SECONDS: &str = "mlc_freshbooks_call_duration_seconds";
const SHOPIFY_CALLS: &str = "mlc_shopify_calls_total";
const SHOPIFY_SECONDS: &str = "mlc_shopify_call_duration_seconds";
const TOKENS_RENEWED: &str = "mlc_token_renewals_total";
const PULLED_ORDERS: &str = "mlc_pulled_orders_total";
const ALERTS_RAISED: &str = "mlc_alerts_raised_total";
const ALERT_DELIVERIES: &str = "mlc_alert_deliveries_total";
const WEBHOOKS_TAKEN: &str = "mlc_webhooks_taken_total";
const WEBHOOKS_REFUSED: &str = "mlc_webhooks_refused_total";
const HTTP_REQUESTS: &str = "mlc_http_requests_total";
const HTTP_SECONDS: &str = "mlc_http_request_duration_seconds";

/// Upper bounds of the time histograms, in seconds: from a cached answer to the time-out of a call.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// How often collected samples are folded into the histograms, so that they do not pile up where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the last traces may take to leave at the end of the process.
const FLUSH: Duration = Duration::from_secs(5);

static FIGURES: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// A visit of an order ended in this state.
pub fn order_settled(state: &'static str) {
    counter!(ORDERS_SETTLED, "state" => state).increment(1);
}

/// FreshBooks was called; `outcome` is such as `ok`, `throttled`, `refused`, `unknown`.
pub fn freshbooks_call(call: &'static str, outcome: &'static str, took: Duration) {
    counter!(FRESHBOOKS_CALLS, "call" => call, "outcome" => outcome).increment(1);
    histogram!(FRESHBOOKS_SECONDS, "call" => call).record(took);
}

/// Shopify was called; `outcome` as for FreshBooks.
pub fn shopify_call(call: &'static str, outcome: &'static str, took: Duration) {
    counter!(SHOPIFY_CALLS, "call" => call, "outcome" => outcome).increment(1);
    histogram!(SHOPIFY_SECONDS, "call" => call).record(took);
}

/// A grant was to be renewed; `outcome` is such as `renewed`, `no_answer`, `over`.
pub fn token_renewed(platform: &'static str, outcome: &'static str) {
    counter!(TOKENS_RENEWED, "platform" => platform, "outcome" => outcome).increment(1);
}

/// A page or a bulk result brought so many orders.
pub fn orders_pulled(count: u64) {
    counter!(PULLED_ORDERS).increment(count);
}

/// An alert was raised that was not open before. `code` is one of ours, such as `NEEDS_REAUTHORIZATION`.
pub fn alert_raised(code: &str) {
    counter!(ALERTS_RAISED, "code" => code.to_owned()).increment(1);
}

/// A channel was tried with an alert or a digest; `outcome` is `sent`, `failed` or `given_up`.
pub fn alert_delivery(channel: &'static str, outcome: &'static str) {
    counter!(ALERT_DELIVERIES, "channel" => channel, "outcome" => outcome).increment(1);
}

/// A delivery was stored; `topic` is one that we asked for, or `other`; `outcome` is such as `accepted`, `repeated`, `out_of_order`.
pub fn webhook_taken(platform: &'static str, topic: &str, outcome: &'static str) {
    counter!(WEBHOOKS_TAKEN, "platform" => platform, "topic" => topic.to_owned(), "outcome" => outcome).increment(1);
}

/// A delivery was not taken; `reason` is `signature`, `malformed`, `too_large`, `overloaded`, `unknown_connection` or `failed`.
pub fn webhook_refused(platform: &'static str, reason: &'static str) {
    counter!(WEBHOOKS_REFUSED, "platform" => platform, "reason" => reason).increment(1);
}

/// A request was answered. `route` is the pattern that matched, never the path: paths are endless.
pub fn http_request(method: &str, route: &str, status: u16, took: Duration) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned())];
    counter!(HTTP_REQUESTS, [&labels[..], &[("status", status.to_string())]].concat().as_slice()).increment(1);
    histogram!(HTTP_SECONDS, &labels).record(took);
}

/// The figures in Prometheus' text format: the body of `/metrics`.
pub fn prometheus() -> String {
    figures().map(PrometheusHandle::render).unwrap_or_default()
}

/// Sends the last traces when dropped.
#[derive(Debug)]
#[must_use = "traces end when this is dropped"]
pub struct Guard {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.traces.take().map(|traces| traces.shutdown_with_timeout(FLUSH)) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last traces were not sent");
        }
    }
}

/// Starts logs, figures and, where an `otlp` endpoint is given, traces. Inside the runtime; a second call changes nothing.
pub fn init(log: &str, format: LogFormat, otlp: Option<&str>) -> Guard {
    if let (Some(figures), Ok(runtime)) = (figures(), Handle::try_current()) {
        runtime.spawn(async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                figures.run_upkeep();
            }
        });
    }
    let filter = EnvFilter::try_new(log).unwrap_or_else(|_| EnvFilter::new("info"));
    // Each connection that breaks and each that is waited for says so by itself: it is one thing, and `db` says it once.
    let quiet = ["sqlx::pool=error", "sqlx_core::pool=error", "sqlx::postgres::notice=error"];
    let filter = quiet.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive);
    let lines = fmt::layer().with_writer(stderr);
    let lines = match format {
        LogFormat::Pretty => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let (traces, failure) = match otlp.map(exporter).transpose() {
        Ok(traces) => (traces, None),
        Err(reason) => (None, Some(reason)),
    };
    let spans = traces.as_ref().map(|traces| {
        // The exporter's own calls would make spans of their own, for ever.
        let ours =
            filter_fn(|of| !["hyper", "h2", "reqwest", "opentelemetry"].iter().any(|s| of.target().starts_with(s)));
        tracing_opentelemetry::layer().with_tracer(traces.tracer("ml-connector")).with_filter(ours)
    });
    if tracing_subscriber::registry().with(filter).with(lines).with(spans).try_init().is_err() {
        return Guard { traces: None };
    }
    if let Some(reason) = failure {
        tracing::warn!("no traces are sent: {reason}");
    }
    Guard { traces }
}

fn figures() -> Option<&'static PrometheusHandle> {
    FIGURES.get_or_init(install).as_ref()
}

/// `None` when a test or an embedder has put another recorder in place.
fn install() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.install_recorder().ok()?;
    describe_counter!(ORDERS_SETTLED, "Visits of orders, by the state they ended in");
    describe_counter!(FRESHBOOKS_CALLS, "Calls to FreshBooks, by name and outcome");
    describe_histogram!(FRESHBOOKS_SECONDS, Unit::Seconds, "Time FreshBooks took to answer, by name of the call");
    describe_counter!(SHOPIFY_CALLS, "Calls to Shopify, by name and outcome");
    describe_histogram!(SHOPIFY_SECONDS, Unit::Seconds, "Time Shopify took to answer, by name of the call");
    describe_counter!(TOKENS_RENEWED, "Renewals of the platforms' tokens, by platform and outcome");
    describe_counter!(PULLED_ORDERS, "Orders that pulls have seen");
    describe_counter!(ALERTS_RAISED, "Alerts raised that were not open before, by code");
    describe_counter!(ALERT_DELIVERIES, "Tries to deliver alerts and digests, by channel and outcome");
    describe_counter!(WEBHOOKS_TAKEN, "Webhook deliveries stored, by platform, topic and outcome");
    describe_counter!(WEBHOOKS_REFUSED, "Webhook deliveries not taken, by platform and reason");
    describe_counter!(HTTP_REQUESTS, "Requests answered, by method, route and status");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "Time we took to answer, by method and route");
    Some(handle)
}

/// Sends to `endpoint` + `/v1/traces`; the OpenTelemetry crates read the variables for headers, time-outs and sampling themselves.
fn exporter(endpoint: &str) -> Result<SdkTracerProvider, String> {
    let runtime = Handle::try_current().map_err(|error| error.to_string())?;
    let mut builder = SpanExporter::builder().with_http();
    // From the environment the crate takes it itself, with the more specific variable before it; from a flag it cannot know.
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none_or(|value| value.is_empty()) {
        builder = builder.with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')));
    }
    let inner = Arc::new(builder.build().map_err(|error| error.to_string())?);
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("ml-connector");
    }
    let exporter = OnRuntime { inner, runtime };
    Ok(SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build())
}

/// The batch processor exports from a thread of its own, where the HTTP client would find no runtime: this lends it ours.
#[derive(Debug)]
struct OnRuntime {
    inner: Arc<SpanExporter>,
    runtime: Handle,
}

impl opentelemetry_sdk::trace::SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let inner = Arc::clone(&self.inner);
        let sent = self.runtime.spawn(async move { inner.export(batch).await });
        sent.await.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn figures_are_there_after_they_were_counted() {
        assert!(figures().is_some());
        order_settled("SYNCED");
        freshbooks_call("create_invoice", "ok", Duration::from_millis(120));
        http_request("GET", "/healthz", 200, Duration::from_micros(300));
        let text = prometheus();
        for line in [
            "mlc_orders_settled_total{state=\"SYNCED\"} 1",
            "mlc_freshbooks_calls_total{call=\"create_invoice\",outcome=\"ok\"} 1",
            "mlc_freshbooks_call_duration_seconds_bucket{call=\"create_invoice\",le=\"0.25\"} 1",
            "# HELP mlc_http_requests_total Requests answered",
            "route=\"/healthz\"",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn traces_are_sent_before_the_guard_is_gone_and_a_second_start_is_harmless() {
        let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", collector.local_addr().unwrap());
        let received = tokio::spawn(async move {
            let (mut socket, _) = collector.accept().await.unwrap();
            let mut head = vec![0; 16 * 1024];
            let length = socket.read(&mut head).await.unwrap();
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let guard = init("info", LogFormat::Json, Some(&endpoint));
        drop(init("info", LogFormat::Pretty, Some(&endpoint)));
        tracing::info_span!("a visit").in_scope(|| tracing::info!("inside"));
        drop(guard);
        assert!(received.await.unwrap().starts_with("POST /v1/traces "));
    }
}

//! A bulk result, read as it comes in: one order is held at a time, whatever the file's size.
//!
//! Each line is an object; what belongs to an order stands on lines of its own that name their parent. We asked for these to follow
//! their order. Where one does not, its order is handed out by id alone, to be read directly: nothing is kept in the hope of a parent.

use std::{borrow::Cow, io, pin::Pin, time::Duration};

use futures_util::TryStreamExt;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt},
    time::timeout,
};
use tokio_util::io::StreamReader;
use tracing::debug;

use super::{
    Shop, USER_AGENT,
    error::{Cause, Error, shape},
    model::{DiscountApplication, Gid, LineItem, Order, ShippingLine},
};

/// How long to wait for the next bytes, and how long the whole file may take.
const STALL: Duration = Duration::from_secs(60);
const WHOLE: Duration = Duration::from_secs(24 * 3600);

/// No object is as large as this; a file without line ends must not fill the memory.
const LONGEST_LINE: u64 = 16 << 20;

/// What a bulk result holds.
#[derive(Debug)]
pub enum BulkRow {
    /// An order with all that followed it.
    Order(Box<Order>),
    /// A child of an order that was handed out before, or never came: this order must be read directly, whatever came as
    /// [`BulkRow::Order`]. May come more than once for an order.
    Orphan {
        /// The order.
        parent: Gid,
    },
}

/// What was read so far, to be compared with what the operation announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// `fileSize`, line ends included.
    pub bytes: u64,
    /// `objectCount`: all lines.
    pub objects: u64,
    /// `rootObjectCount`: lines without a parent.
    pub roots: u64,
}

/// The orders of a bulk result.
pub struct BulkOrders {
    from: Pin<Box<dyn AsyncBufRead + Send>>,
    line: Vec<u8>,
    open: Option<Box<Order>>,
    last_orphan: Option<Gid>,
    counted: Counted,
}

/// What a line says of itself.
#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "__typename", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "__parentId", default)]
    parent: Option<Gid>,
}

impl Tag<'_> {
    /// The type's name, from the id where it is not given.
    fn kind(&self) -> &str {
        let of_id = || self.id.as_deref()?.strip_prefix("gid://shopify/")?.split('/').next();
        self.kind.as_deref().or_else(of_id).unwrap_or_default()
    }
}

impl Shop {
    /// Opens the result at `url`. The address carries its own signature: our token is not sent there.
    ///
    /// # Errors
    /// [`Error::Expired`] when it is no longer served, [`Error::Unavailable`] when it cannot be had now.
    pub async fn bulk_orders(&self, url: &str) -> Result<BulkOrders, Error> {
        let sent = self.shopify.0.http.get(url).header("User-Agent", USER_AGENT).timeout(WHOLE).send();
        let sent = timeout(STALL, sent).await.map_err(|_| Error::Unavailable(Cause::Stalled(STALL)))?;
        let answer = sent.map_err(|error| Error::transport(true, error))?;
        let status = answer.status();
        debug!(shop = %self.domain, status = status.as_u16(), "bulk result opened");
        if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
            return Err(Error::Expired);
        }
        if !status.is_success() {
            return Err(Error::status(true, status, answer.headers()));
        }
        let bytes = answer.bytes_stream().map_err(|error| io::Error::other(error.without_url()));
        Ok(BulkOrders::new(Box::pin(StreamReader::new(bytes))))
    }
}

impl BulkOrders {
    fn new(from: Pin<Box<dyn AsyncBufRead + Send>>) -> Self {
        Self { from, line: Vec::new(), open: None, last_orphan: None, counted: Counted::default() }
    }

    /// The next order, or order to be read directly; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Truncated`] when the last line is incomplete, [`Error::Malformed`] for a line that is not what we asked for,
    /// [`Error::Unavailable`] when the connection breaks. What was handed out before is right, and proves nothing of the rest.
    pub async fn next(&mut self) -> Result<Option<BulkRow>, Error> {
        while self.read_line().await? {
            let row = self.take_line().map_err(|error| {
                Error::Malformed(format!("line {} of the bulk result: {error}", self.counted.objects))
            })?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(self.open.take().map(BulkRow::Order))
    }

    /// What was read so far. Equal figures at the end are the proof that nothing is missing.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// Reads one line into the buffer; `false` at the end of the file.
    async fn read_line(&mut self) -> Result<bool, Error> {
        self.line.clear();
        let mut bounded = (&mut self.from).take(LONGEST_LINE);
        let read = timeout(STALL, bounded.read_until(b'\n', &mut self.line)).await;
        let read = read.map_err(|_| Error::Unavailable(Cause::Stalled(STALL)))?;
        let read = read.map_err(|error| Error::Unavailable(Cause::Stream(error)))?;
        if read == 0 {
            return Ok(false);
        }
        self.counted.objects += 1;
        self.counted.bytes += read as u64;
        if self.line.last() == Some(&b'\n') {
            Ok(true)
        } else if read as u64 == LONGEST_LINE {
            Err(Error::Malformed(format!("line {} of the bulk result is too long", self.counted.objects)))
        } else {
            Err(Error::Truncated(self.counted.objects))
        }
    }

    /// Puts the line where it belongs, and gives out what is complete by it.
    fn take_line(&mut self) -> Result<Option<BulkRow>, String> {
        let shape = |error: serde_json::Error| shape(&error);
        let tag: Tag<'_> = serde_json::from_slice(&self.line).map_err(shape)?;
        let Some(parent) = tag.parent.as_ref() else {
            if tag.kind() != "Order" {
                return Err("neither an order nor part of one".to_owned());
            }
            let order = serde_json::from_slice(&self.line).map_err(shape)?;
            self.counted.roots += 1;
            return Ok(self.open.replace(order).map(BulkRow::Order));
        };
        let Some(order) = self.open.as_mut().filter(|order| order.id == *parent) else {
            if self.last_orphan.as_ref() == Some(parent) {
                return Ok(None);
            }
            self.last_orphan = Some(parent.clone());
            return Ok(Some(BulkRow::Orphan { parent: parent.clone() }));
        };
        match tag.kind() {
            "LineItem" => order.line_items.push(serde_json::from_slice::<LineItem>(&self.line).map_err(shape)?),
            "ShippingLine" => {
                order.shipping_lines.push(serde_json::from_slice::<ShippingLine>(&self.line).map_err(shape)?);
            }
            kind if kind.starts_with("Discount") || kind.ends_with("DiscountApplication") => {
                let discount = serde_json::from_slice::<DiscountApplication>(&self.line).map_err(shape)?;
                order.discount_applications.push(discount);
            }
            _ => return Err("part of an order that we did not ask for".to_owned()),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::*, *};

    /// As Shopify writes it: one object a line, slashes escaped, the parent last.
    fn file(rows: &[Value]) -> Vec<u8> {
        let line = |row: &Value| format!("{}\n", row.to_string().replace('/', "\\/"));
        rows.iter().map(line).collect::<String>().into_bytes()
    }

    fn order(number: i64) -> Value {
        let mut order = order_fields(number);
        order["__typename"] = json!("Order");
        order
    }

    fn child(of: i64, mut fields: Value) -> Value {
        fields["__parentId"] = json!(format!("gid://shopify/Order/{of}"));
        fields
    }

    fn line(of: i64) -> Value {
        child(of, line_fields())
    }

    fn discount(of: i64) -> Value {
        child(of, json!({"__typename": "AutomaticDiscountApplication", "index": 0, "title": "Autumn"}))
    }

    async fn open(server: &Server) -> Result<BulkOrders, Error> {
        server.shop().bulk_orders(&format!("{}/result?signature=secret", server.base)).await
    }

    /// Every row in short, and how it ended.
    async fn read(content: Vec<u8>) -> (Vec<String>, Counted, Option<Error>) {
        let server = Server::start([Reply::Answer(200, content)]).await;
        let mut orders = open(&server).await.unwrap();
        assert!(!server.seen()[0].headers.contains_key("x-shopify-access-token"), "the token stays here");
        let mut rows = Vec::new();
        loop {
            rows.push(match orders.next().await {
                Ok(Some(BulkRow::Order(order))) => format!(
                    "{}: {} lines, {} discounts",
                    order.name,
                    order.line_items.len(),
                    order.discount_applications.len()
                ),
                Ok(Some(BulkRow::Orphan { parent })) => format!("orphan of {}", parent.number().unwrap()),
                Ok(None) => return (rows, orders.counted(), None),
                Err(error) => return (rows, orders.counted(), Some(error)),
            });
        }
    }

    #[tokio::test]
    async fn children_are_joined_to_their_order_and_everything_is_counted() {
        let content = file(&[order(1), line(1), line(1), discount(1), order(2), order(3), line(3)]);
        let bytes = content.len() as u64;
        let (rows, counted, error) = read(content).await;
        assert_eq!(rows, ["#1: 2 lines, 1 discounts", "#2: 0 lines, 0 discounts", "#3: 1 lines, 0 discounts"]);
        assert_eq!(counted, Counted { bytes, objects: 7, roots: 3 });
        assert!(error.is_none());
    }

    #[tokio::test]
    async fn a_child_away_from_its_order_is_handed_out_by_id() {
        let (rows, counted, error) = read(file(&[order(1), order(2), line(1), discount(1), line(2), line(9)])).await;
        assert_eq!(rows, ["#1: 0 lines, 0 discounts", "orphan of 1", "orphan of 9", "#2: 1 lines, 0 discounts"]);
        assert_eq!((counted.objects, counted.roots), (6, 2));
        assert!(error.is_none());
    }

    #[tokio::test]
    async fn a_broken_file_is_told_by_its_line_and_never_quoted() {
        let mut content = file(&[order(1), line(1)]);
        content.truncate(content.len() - 1);
        assert!(matches!(read(content).await.2, Some(Error::Truncated(2))), "complete JSON, yet no end of line");
        let mut content = file(&[order(1)]);
        content.extend(b"{\"id\":\"gid://shopify/Order/2\",\"email\":\"ada@example.com\",\"name\":7}\n");
        let message = read(content).await.2.unwrap().to_string();
        assert!(message.contains("line 2") && !message.contains("ada"), "{message}");
        let stranger = file(&[order(1), child(1, json!({"id": "gid://shopify/Fulfillment/1"}))]);
        assert!(matches!(read(stranger).await.2, Some(Error::Malformed(_))));
        assert_eq!(read(Vec::new()).await.1, Counted::default());
    }

    #[tokio::test]
    async fn an_address_that_expired_is_told_from_a_server_in_trouble() {
        for status in [400, 403, 404] {
            let server = Server::start([Reply::status(status, "<Error/>")]).await;
            assert!(matches!(open(&server).await, Err(Error::Expired)));
        }
        let server = Server::start([Reply::status(503, "")]).await;
        assert!(matches!(open(&server).await, Err(Error::Unavailable(_))));
    }
}

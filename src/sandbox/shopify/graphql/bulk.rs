//! Bulk operations as GraphQL shows them.

use async_graphql::{ID, Object, SimpleObject};

use super::scalar::{Instant, UnsignedInt64, WebAddress, gid};
use crate::sandbox::shopify::{
    bulk::Seen,
    model::{BulkOperationErrorCode, BulkOperationStatus, BulkOperationType, BulkOperationUserErrorCode},
};

/// An operation as it was when it was asked for.
#[derive(Clone, Debug)]
pub(super) struct BulkOperationObject(pub(super) Seen);

#[Object(name = "BulkOperation")]
impl BulkOperationObject {
    pub(super) async fn id(&self) -> ID {
        gid("BulkOperation", self.0.id)
    }

    async fn status(&self) -> BulkOperationStatus {
        self.0.status
    }

    #[graphql(name = "type")]
    async fn kind(&self) -> BulkOperationType {
        BulkOperationType::Query
    }

    async fn error_code(&self) -> Option<BulkOperationErrorCode> {
        self.0.error
    }

    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    async fn completed_at(&self) -> Option<Instant> {
        self.0.completed_at.map(Instant)
    }

    async fn object_count(&self) -> UnsignedInt64 {
        UnsignedInt64(self.0.objects)
    }

    async fn root_object_count(&self) -> UnsignedInt64 {
        UnsignedInt64(self.0.roots)
    }

    async fn file_size(&self) -> Option<UnsignedInt64> {
        self.0.size.map(UnsignedInt64)
    }

    async fn url(&self) -> Option<WebAddress> {
        self.0.url.clone().map(WebAddress)
    }

    async fn partial_data_url(&self) -> Option<WebAddress> {
        self.0.partial_url.clone().map(WebAddress)
    }

    async fn query(&self) -> &str {
        &self.0.query
    }
}

/// The answer to `bulkOperationRunQuery`.
#[derive(SimpleObject)]
pub(super) struct BulkOperationRunQueryPayload {
    pub(super) bulk_operation: Option<BulkOperationObject>,
    pub(super) user_errors: Vec<BulkOperationUserError>,
}

/// Why no operation was started.
#[derive(SimpleObject)]
pub(super) struct BulkOperationUserError {
    pub(super) field: Option<Vec<String>>,
    pub(super) message: String,
    pub(super) code: Option<BulkOperationUserErrorCode>,
}

/// The answer to `bulkOperationCancel`.
#[derive(SimpleObject)]
pub(super) struct BulkOperationCancelPayload {
    pub(super) bulk_operation: Option<BulkOperationObject>,
    pub(super) user_errors: Vec<UserError>,
}

/// What was wrong with an input.
#[derive(SimpleObject)]
pub(super) struct UserError {
    pub(super) field: Option<Vec<String>>,
    pub(super) message: String,
}

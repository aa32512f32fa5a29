//! The audit trail: entries chained by hash, one chain per connection.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_chain")
                    .col(big_integer("connection_id").primary_key())
                    .col(big_integer("sequence"))
                    .col(text("hash"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_entry")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(big_integer("sequence"))
                    .col(timestamp_with_time_zone("occurred_at"))
                    .col(big_integer_null("shopify_order_id"))
                    .col(text_null("shopify_resource"))
                    .col(text_null("freshbooks_resource"))
                    .col(text("action"))
                    .col(text("outcome"))
                    .col(text("actor"))
                    .col(text("source"))
                    .col(text("trigger"))
                    .col(text("correlation_id"))
                    .col(text("field_mappings"))
                    .col(big_integer_null("customer_key_id"))
                    .col(text("message"))
                    .col(text("previous_hash"))
                    .col(text("hash"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_entry_by_sequence")
                    .table("audit_entry")
                    .unique()
                    .col("connection_id")
                    .col("sequence")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_entry_by_order")
                    .table("audit_entry")
                    .col("connection_id")
                    .col("shopify_order_id")
                    .to_owned(),
            )
            .await
    }
}

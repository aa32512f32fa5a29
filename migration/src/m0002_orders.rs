//! Orders, their snapshots (sealed), and the links to what was made of them.

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
                    .table("synced_order")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(big_integer("shopify_order_id"))
                    .col(text("name"))
                    .col(timestamp_with_time_zone_null("processed_at"))
                    .col(timestamp_with_time_zone_null("shopify_updated_at"))
                    .col(text_null("financial_status"))
                    .col(big_integer_null("total_minor"))
                    .col(text_null("currency"))
                    .col(string_len("state", 16))
                    .col(text_null("last_error"))
                    .col(boolean("stale"))
                    .col(text("trigger"))
                    .col(text("actor"))
                    .col(small_integer("lane"))
                    .col(timestamp_with_time_zone_null("due_at"))
                    .col(big_integer("generation"))
                    .col(big_integer("claimed_generation"))
                    .col(integer("attempts"))
                    .col(uuid_null("fence"))
                    .col(timestamp_with_time_zone_null("leased_until"))
                    .col(text_null("proof_currency"))
                    .col(big_integer_null("proof_predicted_minor"))
                    .col(big_integer_null("proof_returned_minor"))
                    .col(big_integer_null("proof_shopify_minor"))
                    .col(timestamp_with_time_zone_null("synced_at"))
                    .col(big_integer_null("customer_key_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        for index in [
            Index::create()
                .name("synced_order_by_shopify_id")
                .table("synced_order")
                .unique()
                .col("connection_id")
                .col("shopify_order_id")
                .to_owned(),
            Index::create()
                .name("synced_order_by_name")
                .table("synced_order")
                .col("connection_id")
                .col("name")
                .to_owned(),
            Index::create()
                .name("synced_order_by_state")
                .table("synced_order")
                .col("connection_id")
                .col("state")
                .to_owned(),
            Index::create()
                .name("synced_order_by_date")
                .table("synced_order")
                .col("connection_id")
                .col("processed_at")
                .col("id")
                .to_owned(),
            // Only what is due: a claim stays cheap however many orders are at rest.
            Index::create()
                .name("synced_order_due")
                .table("synced_order")
                .col("lane")
                .col("due_at")
                .and_where(Expr::col("due_at").is_not_null())
                .to_owned(),
        ] {
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("order_snapshot")
                    .col(big_integer("order_id").primary_key())
                    .col(timestamp_with_time_zone("shopify_updated_at"))
                    .col(big_integer("customer_key_id"))
                    .col(text("sealed"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("resource_link")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(big_integer_null("order_id"))
                    .col(string_len("kind", 16))
                    .col(text("shopify_id"))
                    .col(string_len("state", 16))
                    .col(big_integer_null("freshbooks_id"))
                    .col(text_null("natural_key"))
                    .col(text_null("written"))
                    .col(text_null("facts"))
                    .col(big_integer_null("customer_key_id"))
                    .col(uuid_null("fence"))
                    .col(timestamp_with_time_zone_null("leased_until"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        // Law 1, held by the database: one document per Shopify object.
        manager
            .create_index(
                Index::create()
                    .name("resource_link_by_shopify_id")
                    .table("resource_link")
                    .unique()
                    .col("connection_id")
                    .col("kind")
                    .col("shopify_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("resource_link_by_order").table("resource_link").col("order_id").to_owned(),
            )
            .await
    }
}

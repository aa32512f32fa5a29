//! Pulls: one reading of a shop's orders each.

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
                    .table("pull")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(string_len("kind", 16))
                    .col(string_len("state", 16))
                    .col(timestamp_with_time_zone_null("since"))
                    .col(timestamp_with_time_zone("until"))
                    .col(timestamp_with_time_zone_null("bulk_requested_at"))
                    .col(text_null("bulk_operation_id"))
                    .col(big_integer_null("announced_objects"))
                    .col(big_integer_null("announced_orders"))
                    .col(big_integer("orders_seen"))
                    .col(big_integer("orders_changed"))
                    .col(text_null("last_error"))
                    .col(text("trigger"))
                    .col(text("actor"))
                    .col(small_integer("lane"))
                    .col(timestamp_with_time_zone_null("due_at"))
                    .col(big_integer("generation"))
                    .col(big_integer("claimed_generation"))
                    .col(integer("attempts"))
                    .col(uuid_null("fence"))
                    .col(timestamp_with_time_zone_null("leased_until"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("pull_due")
                    .table("pull")
                    .col("lane")
                    .col("due_at")
                    .and_where(Expr::col("due_at").is_not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("pull_by_connection").table("pull").col("connection_id").col("id").to_owned(),
            )
            .await
    }
}

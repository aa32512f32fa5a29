//! Alerts, and the digest of those that are open.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut alert = Table::create()
            .table("alert")
            .col(big_pk_auto("id"))
            .col(big_integer("connection_id"))
            .col(text("code"))
            .col(text("subject"))
            .col(string_len("severity", 16))
            .col(text("problem"))
            .col(string_len_null("action", 32))
            .col(big_integer("count"))
            .col(timestamp_with_time_zone("raised_at"))
            .col(timestamp_with_time_zone("last_raised_at"))
            .col(timestamp_with_time_zone_null("acknowledged_at"))
            .col(text_null("acknowledged_by"))
            .col(timestamp_with_time_zone_null("resolved_at"))
            .col(timestamp_with_time_zone("announced_at"))
            .to_owned();
        manager.create_table(work(&mut alert)).await?;
        manager
            .create_index(
                Index::create()
                    .name("alert_due")
                    .table("alert")
                    .col("lane")
                    .col("due_at")
                    .and_where(Expr::col("due_at").is_not_null())
                    .to_owned(),
            )
            .await?;
        // Raising is an upsert against this one: two of a kind are never open.
        manager
            .create_index(
                Index::create()
                    .name("alert_open")
                    .table("alert")
                    .col("connection_id")
                    .col("code")
                    .col("subject")
                    .unique()
                    .and_where(Expr::col("resolved_at").is_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("alert_by_connection").table("alert").col("connection_id").col("id").to_owned(),
            )
            .await?;
        let mut digest = Table::create()
            .table("alert_digest")
            .col(big_integer("id").primary_key())
            .col(timestamp_with_time_zone("fires_at"))
            .to_owned();
        manager.create_table(work(&mut digest)).await
    }
}

/// What is kept of a delivery, and the columns of work.
fn work(table: &mut TableCreateStatement) -> TableCreateStatement {
    table
        .col(timestamp_with_time_zone_null("webhook_sent_at"))
        .col(big_integer("webhook_told"))
        .col(timestamp_with_time_zone_null("email_sent_at"))
        .col(big_integer("email_told"))
        .col(text_null("last_error"))
        .col(small_integer("lane"))
        .col(timestamp_with_time_zone_null("due_at"))
        .col(big_integer("generation"))
        .col(big_integer("claimed_generation"))
        .col(integer("attempts"))
        .col(uuid_null("fence"))
        .col(timestamp_with_time_zone_null("leased_until"))
        .to_owned()
}

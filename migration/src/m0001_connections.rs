//! Connections, their grants (sealed), their customers' keys (sealed), their schedules.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true) // SQLite gets none by default
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connection")
                    .col(big_pk_auto("id"))
                    .col(text("name"))
                    .col(text_uniq("shop_domain"))
                    .col(string_len("status", 32))
                    .col(text("settings"))
                    .col(text_null("shop_name"))
                    .col(text_null("shop_currency"))
                    .col(text_null("shop_time_zone"))
                    .col(text_null("account_id"))
                    .col(big_integer_null("business_id"))
                    .col(text_null("business_name"))
                    .col(text_null("business_currency"))
                    .col(integer("rounding_rules"))
                    .col(boolean_null("issues_in_create"))
                    .col(text("salt"))
                    .col(timestamp_with_time_zone_null("watermark"))
                    .col(timestamp_with_time_zone_null("last_pull_at"))
                    .col(timestamp_with_time_zone_null("last_synced_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("platform_grant")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(string_len("platform", 16))
                    .col(text("access_token"))
                    .col(text_null("refresh_token"))
                    .col(text("scopes"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "platform_grant_by_platform", "platform_grant", &["connection_id", "platform"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("customer_key")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(text("subject"))
                    .col(text_null("sealed_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("destroyed_at"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "customer_key_by_subject", "customer_key", &["connection_id", "subject"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("schedule")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(string_len("kind", 16))
                    .col(text("cron"))
                    .col(text("time_zone"))
                    .col(timestamp_with_time_zone("next_run_at"))
                    .col(timestamp_with_time_zone_null("last_run_at"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "schedule_by_kind", "schedule", &["connection_id", "kind"]).await
    }
}

/// One unique index.
async fn unique(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let mut index = Index::create().name(name).table(table).unique().to_owned();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

//! Grants that are renewed: kinds, generations, the lease of whoever renews; grants under way; what stands in a connection's way.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What was stored before this was put in by hand: tokens that nobody renewed.
        let kind = string_len("kind", 32).default("custom_app").to_owned();
        for column in [
            kind,
            big_integer("generation").default(1).to_owned(),
            text_null("client_id"),
            text_null("client_secret"),
            timestamp_with_time_zone_null("refresh_expires_at"),
            boolean("stale").default(false).to_owned(),
            boolean("second_chance").default(false).to_owned(),
            text_null("refusal"),
            uuid_null("renewer"),
            timestamp_with_time_zone_null("renewing_until"),
            integer("failures").default(0).to_owned(),
            timestamp_with_time_zone_null("renew_after"),
        ] {
            add(manager, "platform_grant", column).await?;
        }
        add(manager, "connection", text_null("businesses")).await?;
        add(manager, "connection", text_null("blocked")).await?;
        manager
            .create_table(
                Table::create()
                    .table("oauth_state")
                    .col(big_pk_auto("id"))
                    .col(string_len("platform", 16))
                    .col(text_uniq("state_hash"))
                    .col(text("browser_hash"))
                    .col(big_integer_null("connection_id"))
                    .col(text_null("shop_domain"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("reference_check")
                    .col(big_pk_auto("id"))
                    .col(big_integer("connection_id"))
                    .col(text("name"))
                    .col(string_len("outcome", 16))
                    .col(text("detail"))
                    .col(text("hint"))
                    .col(timestamp_with_time_zone("checked_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("reference_check_by_name")
                    .table("reference_check")
                    .unique()
                    .col("connection_id")
                    .col("name")
                    .to_owned(),
            )
            .await
    }
}

/// One column: SQLite adds one at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

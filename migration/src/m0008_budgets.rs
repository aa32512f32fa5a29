//! What the platforms take at once, shared by all processes; visits that never ended; claims that go by connection.

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
                    .table("call_budget")
                    .col(string("whom").primary_key())
                    .col(small_integer("at_once"))
                    .col(timestamp_with_time_zone("changed_at"))
                    .col(timestamp_with_time_zone_null("paused_until"))
                    .to_owned(),
            )
            .await?;
        let lost = small_integer("lost").default(0).to_owned();
        manager.alter_table(Table::alter().table("synced_order").add_column(lost).to_owned()).await?;
        for table in ["synced_order", "pull"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("{table}_waiting"))
                        .table(table)
                        .col("connection_id")
                        .col("lane")
                        .col("due_at")
                        .and_where(Expr::col("due_at").is_not_null())
                        .to_owned(),
                )
                .await?;
            manager
                .create_index(
                    Index::create()
                        .name(format!("{table}_leased"))
                        .table(table)
                        .col("connection_id")
                        .col("leased_until")
                        .and_where(Expr::col("fence").is_not_null())
                        .to_owned(),
                )
                .await?;
            // Each claim is of one connection's rows now.
            manager.drop_index(Index::drop().name(format!("{table}_due")).table(table).to_owned()).await?;
        }
        // What is to be read from Shopify together, however much is due and read already. A condition on `stale` would serve no statement that
        // binds it.
        manager
            .create_index(
                Index::create()
                    .name("synced_order_stale")
                    .table("synced_order")
                    .col("connection_id")
                    .col("stale")
                    .col("lane")
                    .col("due_at")
                    .and_where(Expr::col("due_at").is_not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("resource_link_leased")
                    .table("resource_link")
                    .col("fence")
                    .and_where(Expr::col("fence").is_not_null())
                    .to_owned(),
            )
            .await
    }
}

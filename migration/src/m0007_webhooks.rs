//! Webhooks: deliveries, subscriptions, transactions that came before their order, requests about people; looks at documents.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [deliveries(), transactions(), subscriptions(), requests()] {
            manager.create_table(table).await?;
        }
        for column in [timestamp_with_time_zone_null("look_at"), text_null("seen"), text_null("drift")] {
            add(manager, "resource_link", column).await?;
        }
        add(manager, "customer_key", big_integer_null("merged_into")).await?;
        for index in indices() {
            manager.create_index(index).await?;
        }
        // Connections that are there already: their turn comes at once.
        for (kind, cron) in [("webhooks", "0 7 * * * *"), ("drift", "0 37 * * * *"), ("retention", "0 20 5 * * *")] {
            let connections = Query::select()
                .column("id")
                .expr(Expr::val(kind))
                .expr(Expr::val(cron))
                .expr(Expr::val("UTC"))
                .column("created_at")
                .from("connection")
                .to_owned();
            let mut insert = Query::insert();
            insert.into_table("schedule").columns(["connection_id", "kind", "cron", "time_zone", "next_run_at"]);
            insert.select_from(connections).map_err(|error| DbErr::Custom(error.to_string()))?;
            manager.execute(insert).await?;
        }
        Ok(())
    }
}

fn deliveries() -> TableCreateStatement {
    Table::create()
        .table("webhook_delivery")
        .col(big_pk_auto("id"))
        .col(string_len("platform", 16))
        .col(big_integer_null("connection_id"))
        .col(text("shop_domain"))
        .col(text("topic"))
        .col(text_null("webhook_id"))
        .col(text_null("event_id"))
        .col(text_null("api_version"))
        .col(big_integer_null("shopify_order_id"))
        .col(text_null("resource"))
        .col(timestamp_with_time_zone_null("version"))
        .col(timestamp_with_time_zone_null("triggered_at"))
        .col(timestamp_with_time_zone("received_at"))
        .col(string_len("outcome", 16))
        .col(text("detail"))
        .col(integer("repeats"))
        .col(text("headers"))
        .col(integer("body_bytes"))
        .to_owned()
}

fn transactions() -> TableCreateStatement {
    Table::create()
        .table("told_transaction")
        .col(big_pk_auto("id"))
        .col(big_integer("connection_id"))
        .col(big_integer("shopify_order_id"))
        .col(big_integer("shopify_transaction_id"))
        .col(text("kind"))
        .col(text("status"))
        .col(text("gateway"))
        .col(text("amount"))
        .col(text("currency"))
        .col(timestamp_with_time_zone_null("processed_at"))
        .col(timestamp_with_time_zone("told_at"))
        .to_owned()
}

fn subscriptions() -> TableCreateStatement {
    Table::create()
        .table("webhook_subscription")
        .col(big_pk_auto("id"))
        .col(big_integer("connection_id"))
        .col(string_len("platform", 16))
        .col(text("topic"))
        .col(text("address"))
        .col(string_len("state", 16))
        .col(text_null("remote_id"))
        .col(text_null("verifier"))
        .col(text_null("offered"))
        .col(text_null("api_version"))
        .col(text_null("problem"))
        .col(timestamp_with_time_zone_null("repaired_at"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(uuid_null("fence"))
        .col(timestamp_with_time_zone_null("leased_until"))
        .to_owned()
}

fn requests() -> TableCreateStatement {
    Table::create()
        .table("privacy_request")
        .col(big_pk_auto("id"))
        .col(big_integer("connection_id"))
        .col(string_len("kind", 16))
        .col(string_len("state", 16))
        .col(text_null("reference"))
        .col(big_integer_null("shopify_customer_id"))
        .col(text("shopify_order_ids"))
        .col(text_null("email"))
        .col(text("detail"))
        .col(timestamp_with_time_zone("received_at"))
        .col(timestamp_with_time_zone("deadline_at"))
        .col(timestamp_with_time_zone_null("completed_at"))
        .col(text_null("completed_by"))
        .col(small_integer("lane"))
        .col(timestamp_with_time_zone_null("due_at"))
        .col(big_integer("generation"))
        .col(big_integer("claimed_generation"))
        .col(integer("attempts"))
        .col(uuid_null("fence"))
        .col(timestamp_with_time_zone_null("leased_until"))
        .to_owned()
}

fn indices() -> Vec<IndexCreateStatement> {
    let index = |name: &str, table: &'static str| Index::create().name(name).table(table).to_owned();
    vec![
        // A repeat of either id for the same topic is the same trigger.
        index("webhook_delivery_by_webhook", "webhook_delivery")
            .unique()
            .col("webhook_id")
            .col("topic")
            .and_where(Expr::col("webhook_id").is_not_null())
            .to_owned(),
        index("webhook_delivery_by_event", "webhook_delivery")
            .unique()
            .col("event_id")
            .col("topic")
            .and_where(Expr::col("event_id").is_not_null())
            .to_owned(),
        index("webhook_delivery_by_connection", "webhook_delivery").col("connection_id").col("id").to_owned(),
        index("webhook_delivery_by_order", "webhook_delivery")
            .col("connection_id")
            .col("shopify_order_id")
            .and_where(Expr::col("shopify_order_id").is_not_null())
            .to_owned(),
        index("webhook_delivery_by_time", "webhook_delivery").col("received_at").to_owned(),
        index("told_transaction_by_id", "told_transaction")
            .unique()
            .col("connection_id")
            .col("shopify_transaction_id")
            .to_owned(),
        index("told_transaction_by_order", "told_transaction").col("connection_id").col("shopify_order_id").to_owned(),
        index("webhook_subscription_by_topic", "webhook_subscription")
            .unique()
            .col("connection_id")
            .col("platform")
            .col("topic")
            .to_owned(),
        index("privacy_request_by_connection", "privacy_request").col("connection_id").col("id").to_owned(),
        index("privacy_request_due", "privacy_request")
            .col("lane")
            .col("due_at")
            .and_where(Expr::col("due_at").is_not_null())
            .to_owned(),
        index("resource_link_to_look_at", "resource_link")
            .col("connection_id")
            .col("look_at")
            .and_where(Expr::col("look_at").is_not_null())
            .to_owned(),
        index("resource_link_by_document", "resource_link")
            .col("connection_id")
            .col("kind")
            .col("freshbooks_id")
            .to_owned(),
        // Erasing a customer begins at their keys.
        index("synced_order_by_customer", "synced_order").col("customer_key_id").to_owned(),
        index("order_snapshot_by_customer", "order_snapshot").col("customer_key_id").to_owned(),
        index("resource_link_by_customer", "resource_link").col("customer_key_id").to_owned(),
        // Few of many: counted after every look.
        index("resource_link_drifted", "resource_link")
            .col("connection_id")
            .and_where(Expr::col("drift").is_not_null())
            .to_owned(),
        // Orders are found by their number.
        index("webhook_delivery_by_resource", "webhook_delivery")
            .col("connection_id")
            .col("resource")
            .and_where(Expr::col("resource").is_not_null().and(Expr::col("shopify_order_id").is_null()))
            .to_owned(),
        index("customer_key_by_merge", "customer_key")
            .col("connection_id")
            .col("merged_into")
            .and_where(Expr::col("merged_into").is_not_null())
            .to_owned(),
    ]
}

/// One column: SQLite adds one at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

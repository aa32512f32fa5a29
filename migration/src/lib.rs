//! The schema of ml-connector, one change per file. Tables are spelt as strings: a migration never changes with the code.

pub use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

mod m0001_connections;
mod m0002_orders;
mod m0003_audit;
mod m0004_pulls;
mod m0005_grants;
mod m0006_alerts;
mod m0007_webhooks;
mod m0008_budgets;

/// Every change in order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_connections::Migration),
            Box::new(m0002_orders::Migration),
            Box::new(m0003_audit::Migration),
            Box::new(m0004_pulls::Migration),
            Box::new(m0005_grants::Migration),
            Box::new(m0006_alerts::Migration),
            Box::new(m0007_webhooks::Migration),
            Box::new(m0008_budgets::Migration),
        ]
    }
}

//! Another key for everything that the keyring has sealed, while the service goes on.
//!
//! Nothing waits for it: whatever is read meanwhile opens under either key, whatever is written is sealed under the first. The owners of
//! sealed columns seal them anew, row by row, each only where it is still what was read. Customers' values are sealed under the customers'
//! own keys, which alone are sealed anew.

use tracing::{error, info};

use crate::{app::App, connection, customer_key, grant, privacy, subscription};

/// What was sealed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Grants at a platform.
    pub grants: u64,
    /// Customers' keys.
    pub customer_keys: u64,
    /// Addresses that open requests about people name.
    pub requests: u64,
    /// Secrets of callbacks.
    pub callbacks: u64,
}

/// Seals everything anew that the first key did not seal. Safe to repeat, to interrupt, and to run in several processes at once.
///
/// # Errors
/// When the database fails, or something was sealed under a key that the ring does not hold.
pub async fn run(app: &App) -> Result<Rotated, Error> {
    Ok(Rotated {
        grants: grant::reseal(app).await?,
        customer_keys: customer_key::reseal(app).await?,
        requests: privacy::reseal(app).await?,
        callbacks: subscription::reseal(app).await?,
    })
}

/// The same in the background of a service that has just started.
pub(crate) async fn run_quietly(app: &App) {
    if let Err(e) = connection::keys_are_back(app).await {
        error!(error = &e as &dyn std::error::Error, "alerts about keys could not be closed");
    }
    match run(app).await {
        Ok(Rotated { grants: 0, customer_keys: 0, requests: 0, callbacks: 0 }) => {}
        Ok(Rotated { grants, customer_keys, requests, callbacks }) => {
            info!(
                grants,
                customer_keys,
                requests,
                callbacks,
                "stored secrets were sealed anew under the first of MLC_ENCRYPTION_KEYS"
            );
        }
        Err(e) => error!(
            error = &e as &dyn std::error::Error,
            "stored secrets could not all be sealed anew; `ml-connector rotate-keys` goes on where this stopped"
        ),
    }
}

/// Why not everything was sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A grant could not be sealed anew.
    #[error("a platform's grant could not be sealed anew")]
    Grant(#[from] grant::Error),
    /// A customer's key could not be sealed anew.
    #[error("a customer's key could not be sealed anew")]
    Key(#[from] customer_key::Error),
    /// What a request about a person names could not be sealed anew.
    #[error("what a request about a person names could not be sealed anew")]
    Privacy(#[from] privacy::Error),
    /// A callback's secret could not be sealed anew.
    #[error("a callback's secret could not be sealed anew")]
    Callback(#[from] subscription::Error),
}

//! The orders in DynamoDB: one method a verb, each write one atomic request that knows its own first attempt.

mod connection;
mod cursor;
mod idempotency;
mod listing;
mod orders;
mod update;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

use crate::clock::Clock;
use crate::config::Config;
use crate::item::{AttributeValue, ID, Item, write_order};
use crate::revision::EntityTag;

pub use connection::{
    Attempts, ConditionFailure, client, connect, database_problem, is_collision, is_item_too_large,
    is_throttling,
};
pub use cursor::MAX_CURSOR_BYTES;
pub use idempotency::{Created, IdempotencyKey};
pub use listing::{Direction, Listing, Page};
pub use orders::shard_of;

/// The index of a product's orders by date: on attributes that any writer sets.
pub const PRODUCT_INDEX: &str = "product-order_date-index";
/// The index of all orders by date: on the service's own shard.
pub const DATE_INDEX: &str = "_shard-order_date-index";
/// The key of the table of idempotency keys.
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";
/// When a record of that table may go, in seconds since 1970: its TTL attribute.
pub const EXPIRES_AT: &str = "expires_at";

/// Access to the tables. Cheap to clone; every clone shares one connection pool.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    config: Arc<Config>,
    clock: Clock,
}

impl Store {
    #[must_use]
    pub fn new(client: Client, config: Config, clock: Clock) -> Self {
        Self {
            client,
            config: Arc::new(config),
            clock,
        }
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The client itself, for what is not an order's verb.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// An order as the table has it, a valid one or not.
#[derive(Clone, Debug)]
pub struct StoredOrder(Item);

impl StoredOrder {
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        EntityTag::of(&self.0)
    }

    /// Its id; every order that REST can address has one of URL-safe characters.
    #[must_use]
    pub fn id(&self) -> &str {
        match self.0.get(ID) {
            Some(AttributeValue::S(id)) => id,
            _ => "",
        }
    }

    /// The order's JSON, without bookkeeping.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        write_order(&self.0, &mut json);
        json
    }
}

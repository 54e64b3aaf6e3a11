//! Tests of the whole service. `<operation>.rs` mirrors `functions/<operation>`; most tests run on both backends.
#![expect(
    clippy::unwrap_used,
    reason = "what a test can't go on without ends it"
)]

mod architecture;
mod bootstrap;
mod concurrency;
mod create_order;
mod delete_order;
mod echo;
mod envelope;
mod expression;
mod fuzz;
mod gateway;
mod get_order;
mod idempotency;
mod linearizable;
mod list_orders;
mod lost_answer;
mod model;
mod openapi;
mod ping;
mod program;
mod replace_order;
mod update_order;

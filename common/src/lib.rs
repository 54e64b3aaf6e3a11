//! What every operation shares: the order, access to DynamoDB, errors, and the entry point of a function.

pub mod answer;
pub mod boundary;
pub mod clock;
pub mod config;
pub mod describe;
pub mod envelope;
pub mod extract;
pub mod item;
pub mod json;
pub mod lambda;
pub mod number;
pub mod order;
pub mod patch;
pub mod problem;
pub mod revision;
pub mod store;
pub mod violation;

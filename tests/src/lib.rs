//! What the tests of the whole service share: the service, started anew for each test, requests that read as
//! what they ask, and answers that are checked for what every answer must be.
//!
//! A test that takes a [`Backend`] runs on both: the same request, once over HTTP through local mode, and once as
//! API Gateway's event through the function's own binary.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    clippy::must_use_candidate,
    reason = "what a test can't go on without ends it, and that alone may be what it asks for"
)]

mod answer;
mod call;
pub mod functions;
pub mod program;
pub mod proxy;
mod service;
mod table;

use proptest::test_runner::Config as ProptestConfig;

pub use answer::{Answer, Problem};
pub use call::Call;
pub use service::{Backend, Options, Service};
pub use table::{item, number, text};

/// How many cases a property test takes: so many, or `PROPTEST_CASES`.
pub fn cases(cases: u32) -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        ProptestConfig::default()
    } else {
        ProptestConfig::with_cases(cases)
    }
}

/// Runs a case of a property test.
pub fn run<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(case)
}

/// The original's sample order.
pub const JACKET: &str = r#"{"id":"1234ABCG","product":"Beautiful Jacket","price":78.89,"order_date":"2024-11-04T10:30:00Z"}"#;

/// A valid order with this id and these members besides.
pub fn order(id: &str, members: &str) -> String {
    let separator = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"id":"{id}","product":"Beautiful Jacket","price":78.89,"order_date":"2024-11-04T10:30:00Z"{separator}{members}}}"#
    )
}

//! The whole API on one machine: every operation's route behind an imitation of API Gateway, on an embedded
//! DynamoDB engine. None of this can reach a Lambda function.

pub mod backfill;
pub mod cli;
pub mod docs;
pub mod engine;
pub mod gateway;
pub mod server;
pub mod tables;

use axum::Router;
use common::boundary;
use common::store::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// The API as a client of the gateway sees it, and `/docs` and `/openapi.json` beside it.
///
/// Requests must name one of `hosts` (or a loopback address) in their `Host`; with none given, any will do.
pub fn app(store: Store, hosts: gateway::Hosts) -> Router {
    let (api, _) = operations().with_state(store).split_for_parts();
    gateway::around(boundary::around(api).merge(docs::routes()), hosts)
}

/// Every operation: one line each.
fn operations() -> OpenApiRouter<Store> {
    OpenApiRouter::with_openapi(docs::Description::openapi())
        .merge(create_order::routes())
        .merge(list_orders::routes())
        .merge(get_order::routes())
        .merge(replace_order::routes())
        .merge(update_order::routes())
        .merge(delete_order::routes())
        .merge(envelope::routes())
        .merge(echo::routes().with_state(()))
        .merge(ping::routes().with_state(()))
}

/// The API's description, made from the operations.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut description = operations().into_openapi();
    common::describe::add_error_examples(&mut description);
    description
}

/// The same as it is committed: indented, with a line's end at the end.
///
/// # Panics
///
/// Never: a description is always JSON.
#[must_use]
pub fn openapi_json() -> String {
    let mut json = serde_json::to_string_pretty(&openapi()).expect("a description is always JSON");
    json.push('\n');
    json
}

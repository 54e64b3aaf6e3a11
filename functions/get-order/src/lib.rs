//! `get-order`: `GET /orders/{id}`, one order, strongly consistent.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use common::extract::{IfNoneMatch, PathId};
use common::problem::{Problem, ProblemDocument};
use common::revision::TagList;
use common::store::Store;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(get_order))
}

/// Read an order.
///
/// Strongly consistent: what was written before is seen.
#[utoipa::path(
    get,
    path = "/orders/{id}",
    operation_id = "get-order",
    tag = "orders",
    params(
        ("id" = String, Path, description = "The order's id.", example = "1234ABCG"),
        ("If-None-Match" = Option<String>, Header, nullable = false,
         description = "`*` or entity tags: 304 when the order has one of them."),
    ),
    responses(
        (status = 200, description = "The order.", body = describe::Order, content_type = "application/json",
         headers(("ETag" = String, description = "The order's entity tag."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 304, description = "The order is as the client has it.",
         headers(("ETag" = String, description = "The order's entity tag."))),
        (status = 400, description = "`invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn get_order(
    State(store): State<Store>,
    id: PathId,
    IfNoneMatch(tags): IfNoneMatch,
) -> Result<Response, Problem> {
    let tags = tags
        .map(|tags| TagList::parse_if_none_match(&tags))
        .transpose()?;
    let order = store.get(&id.existing()?).await?;
    if tags.is_some_and(|tags| tags.names(&order.tag())) {
        return Ok(answer::not_modified(&order));
    }
    Ok(answer::order(StatusCode::OK, &order))
}

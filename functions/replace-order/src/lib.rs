//! `replace-order`: `PUT /orders/{id}`, an order in place of the one with its id, if there is one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use common::extract::{JsonBody, PathId, WriteConditions};
use common::order::Order;
use common::problem::{Problem, ProblemDocument};
use common::store::Store;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(replace_order))
}

/// Replace an order, or create it.
///
/// Check and write are one atomic request: of many writers with the same `If-Match`, one succeeds.
#[utoipa::path(
    put,
    path = "/orders/{id}",
    operation_id = "replace-order",
    tag = "orders",
    params(
        ("id" = String, Path, description = "The order's id.", example = "1234ABCG", min_length = 1,
         max_length = 128, pattern = "^[A-Za-z0-9._~-]+$"),
        ("If-Match" = Option<String>, Header, nullable = false,
         description = "`*` or entity tags: replace only an order that has one of them."),
        ("If-None-Match" = Option<String>, Header, nullable = false,
         description = "`*`: create only, never replace."),
    ),
    request_body(content = describe::ReplacementOrder, content_type = "application/json"),
    responses(
        (status = 200, description = "Replaced.", body = describe::Order, content_type = "application/json",
         headers(("ETag" = String, description = "The order's entity tag."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 201, description = "Created.", body = describe::Order, content_type = "application/json",
         headers(("ETag" = String, description = "The order's entity tag."),
                 ("Location" = String, description = "The order's path."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`malformed_json` or `invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemDocument,
         content_type = "application/problem+json",
         headers(("ETag" = String, description = "The order's current entity tag, where there is an order."))),
        (status = 422, description = "`validation_failed`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyBody,
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn replace_order(
    State(store): State<Store>,
    PathId(id): PathId,
    conditions: Result<WriteConditions, Problem>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let WriteConditions(precondition) = conditions?;
    let replaced = store
        .replace(Order::to_replace(&id, &body)?, &precondition)
        .await?;
    Ok(if replaced.created {
        answer::created(&replaced.order)
    } else {
        answer::order(StatusCode::OK, &replaced.order)
    })
}

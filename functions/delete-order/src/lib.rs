//! `delete-order`: `DELETE /orders/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use common::describe;
use common::extract::{PathId, WriteConditions};
use common::problem::{Problem, ProblemDocument};
use common::store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(delete_order))
}

/// Delete an order.
#[utoipa::path(
    delete,
    path = "/orders/{id}",
    operation_id = "delete-order",
    tag = "orders",
    params(
        ("id" = String, Path, description = "The order's id.", example = "1234ABCG"),
        ("If-Match" = Option<String>, Header, nullable = false,
         description = "`*` or entity tags: delete only an order that has one of them."),
    ),
    responses(
        (status = 204, description = "Deleted.",
         headers(("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemDocument,
         content_type = "application/problem+json",
         headers(("ETag" = String, description = "The order's current entity tag."))),
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn delete_order(
    State(store): State<Store>,
    id: PathId,
    WriteConditions(precondition): WriteConditions,
) -> Result<StatusCode, Problem> {
    store.delete(&id.existing()?, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `update-order`: `PATCH /orders/{id}`, a merge patch, without losing what another writer does.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use common::extract::{MergePatchBody, PathId, WriteConditions};
use common::patch::MergePatch;
use common::problem::{Problem, ProblemDocument};
use common::store::Store;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(update_order))
}

/// Update an order.
///
/// JSON Merge Patch (RFC 7396): `null` removes, objects merge, arrays replace. Without `If-Match` it never loses
/// another writer's change.
#[utoipa::path(
    patch,
    path = "/orders/{id}",
    operation_id = "update-order",
    tag = "orders",
    params(
        ("id" = String, Path, description = "The order's id.", example = "1234ABCG"),
        ("If-Match" = Option<String>, Header, nullable = false,
         description = "`*` or entity tags: update only an order that has one of them."),
    ),
    request_body(content(
        (describe::OrderPatch = "application/merge-patch+json"),
        (describe::OrderPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "The order after the patch.", body = describe::Order,
         content_type = "application/json",
         headers(("ETag" = String, description = "The order's entity tag."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`malformed_json` or `invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 409, description = "`conflict`: writers kept colliding and there was no `If-Match`",
         body = ProblemDocument, content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds."))),
        (status = 412, description = "`precondition_failed`", body = ProblemDocument,
         content_type = "application/problem+json",
         headers(("ETag" = String, description = "The order's current entity tag."))),
        (status = 422, description = "`validation_failed`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyBody,
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn update_order(
    State(store): State<Store>,
    id: PathId,
    conditions: Result<WriteConditions, Problem>,
    MergePatchBody(body): MergePatchBody,
) -> Result<Response, Problem> {
    let WriteConditions(precondition) = conditions?;
    let patch = MergePatch::parse(&id.0, &body)?;
    let order = store.update(&id.existing()?, &patch, &precondition).await?;
    Ok(answer::order(StatusCode::OK, &order))
}

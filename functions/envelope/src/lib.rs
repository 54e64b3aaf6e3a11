//! `envelope`: `POST /`, the original service's single route, which takes an operation with its arguments.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use common::envelope::{Request, with_original_names};
use common::extract::RawBody;
use common::problem::{EnvelopeProblemDocument, Failure, Problem};
use common::store::Store;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(envelope))
}

/// The original service's single route.
///
/// Takes `{"operation", "tableName", "payload"}` with `create`, `read`, `update`, `delete`, `list`, `echo` or `ping`,
/// whatever the content type. The payload is the arguments of DynamoDB's PutItem, GetItem, UpdateItem, DeleteItem or
/// Scan, its values plain JSON.
#[utoipa::path(
    post,
    path = "/",
    operation_id = "envelope",
    tag = "compatibility",
    request_body(content = describe::Envelope, content_type = "application/json"),
    responses(
        (status = 200, description = "What the call answers, as plain JSON.", body = serde_json::Value,
         content_type = "application/json",
         headers(("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`malformed_json`, `invalid_request` or `unknown_operation`",
         body = EnvelopeProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "`table_not_found`", body = EnvelopeProblemDocument,
         content_type = "application/problem+json"),
        (status = 409, description = "`condition_failed`", body = EnvelopeProblemDocument,
         content_type = "application/problem+json"),
        (status = 413, description = "`payload_too_large`", body = EnvelopeProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn envelope(
    State(store): State<Store>,
    body: Result<RawBody, Problem>,
) -> Result<Response, Failure> {
    let RawBody(body) = body.map_err(with_original_names)?;
    let reply = store.envelope(Request::parse(&body)?).await?;
    Ok(answer::json(StatusCode::OK, reply))
}

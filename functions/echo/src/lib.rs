//! `echo`: `POST /echo`, the JSON body as it came; touches no database.

use axum::http::StatusCode;
use axum::response::Response;
use common::extract::JsonText;
use common::problem::ProblemDocument;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(echo))
}

/// The JSON body as it came.
///
/// Numbers come back to the last digit. A page that shows them may round them; curl does not.
#[utoipa::path(
    post,
    path = "/echo",
    operation_id = "echo",
    tag = "testing",
    request_body(description = "Any JSON.", content = serde_json::Value, content_type = "application/json",
                 example = json!({"exact": 78.89, "nested": [true, null]})),
    responses(
        (status = 200, description = "The body.", body = serde_json::Value, content_type = "application/json",
         headers(("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`malformed_json`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyBody,
        describe::AnyOperation,
    )
)]
async fn echo(JsonText(text): JsonText) -> Response {
    answer::json(StatusCode::OK, text.get().into())
}

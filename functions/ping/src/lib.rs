//! `ping`: `GET /ping`, whether the service answers; touches no database.

use axum::http::StatusCode;
use axum::response::Response;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(ping))
}

/// The answer.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
struct Pong {
    #[schema(example = "pong")]
    message: String,
}

/// Whether the service answers.
///
/// Touches no database.
#[utoipa::path(
    get,
    path = "/ping",
    operation_id = "ping",
    tag = "testing",
    responses(
        (status = 200, description = "It does.", body = Pong, content_type = "application/json",
         headers(("x-request-id" = String, description = "The invocation's request id."))),
        describe::AnyOperation,
    )
)]
async fn ping() -> Response {
    answer::json(StatusCode::OK, br#"{"message":"pong"}"#.to_vec())
}

//! `create-order`: `POST /orders`, a new order; once for all requests with one `Idempotency-Key`.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use common::extract::{IdempotencyHeader, JsonBody};
use common::order::Order;
use common::problem::{Problem, ProblemDocument};
use common::store::Store;
use common::{answer, describe};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(create_order))
}

/// Create an order.
///
/// A request with an `Idempotency-Key` can be sent again without harm: the same key and body give the first
/// answer again for 24 hours, and one order exists afterwards. Without an `id`, one is made.
#[utoipa::path(
    post,
    path = "/orders",
    operation_id = "create-order",
    tag = "orders",
    params(
        ("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255,
         pattern = "^[ -~]+$",
         description = "1 to 255 printable ASCII characters, bare or as a quoted string. Keys are per caller."),
    ),
    request_body(content = describe::NewOrder, content_type = "application/json"),
    responses(
        (status = 201, description = "Created, now or by the first request with this key.", body = describe::Order,
         content_type = "application/json",
         headers(("ETag" = String, description = "The order's entity tag."),
                 ("Location" = String, description = "The order's path."),
                 ("Idempotency-Replayed" = String, description = "`true` on the answer to a repeated request."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`malformed_json` or `invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 409, description = "`already_exists`, `idempotency_in_flight` or `conflict`",
         body = ProblemDocument, content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds, unless the id is taken."))),
        (status = 422, description = "`validation_failed` or `idempotency_key_reused`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyBody,
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn create_order(
    State(store): State<Store>,
    key: Result<IdempotencyHeader, Problem>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let IdempotencyHeader(key) = key?;
    let order = Order::to_create(&body, store.clock())?;
    let Some(key) = key else {
        return Ok(answer::created(&store.create(order).await?));
    };
    let created = store.create_once(order, &key, &body).await?;
    let mut response = answer::created(&created.order);
    if created.replayed {
        response
            .headers_mut()
            .insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

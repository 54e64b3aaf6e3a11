//! The API's description: its head, the page that shows it, and the committed document.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// What stands above the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Orders",
        description = "Orders on AWS Lambda and DynamoDB, and the same on one machine.\n\n\
            Prices are exact decimals from end to end. Writes can be conditional (`If-Match`), creation can be \
            repeated without harm (`Idempotency-Key`), and a list costs what its page costs.\n\n\
            Every error of the service is a problem document (RFC 9457) with a `code`.",
        license(name = "MIT OR Apache-2.0")
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "orders", description = "Create, read, replace, update, delete and list orders."),
        (name = "compatibility", description = "The original service's single route: its clients work unchanged."),
        (name = "testing", description = "Routes that touch no database."),
    )
)]
pub struct Description;

/// The document as it is committed.
const OPENAPI_JSON: &str = include_str!("../../openapi.json");

/// `/docs` and `/openapi.json`.
pub fn routes() -> Router {
    let page = SwaggerUi::new("/docs").config(
        Config::from("/openapi.json")
            // Else the page tells a validator on the internet its address, wherever it is not on loopback.
            .validator_url("none")
            .display_operation_id(true)
            .default_models_expand_depth(0)
            .try_it_out_enabled(true)
            .display_request_duration(true),
    );
    Router::new().merge(page).route(
        "/openapi.json",
        get(|| async { ([(CONTENT_TYPE, "application/json")], OPENAPI_JSON) }),
    )
}

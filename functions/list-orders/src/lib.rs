//! `list-orders`: `GET /orders`, a page of orders; its cost is that of the page.

use axum::extract::State;
use axum::http::header::LINK;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use common::answer;
use common::describe;
use common::problem::{Problem, ProblemDocument};
use common::store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod query;

use query::ListQuery;

/// The route of this operation.
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new().routes(routes!(list_orders))
}

/// List orders.
///
/// Without `product`, `from`, `to` and `sort`: every item in the table, in storage order, each exactly once. With
/// any of them: from an index, by date, eventually consistent. A page holds `limit` orders, unless it is the last or
/// would pass 4 MB, or Lambda's 6 MB.
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "list-orders",
    tag = "orders",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of orders.", body = describe::OrderPage,
         content_type = "application/json",
         headers(("Link" = String, description = "The next page (`rel=\"next\"`), while there is one."),
                 ("x-request-id" = String, description = "The invocation's request id."))),
        (status = 400, description = "`invalid_parameter`", body = ProblemDocument,
         content_type = "application/problem+json"),
        describe::AnyDatabaseOperation,
        describe::AnyOperation,
    )
)]
async fn list_orders(State(store): State<Store>, query: ListQuery) -> Result<Response, Problem> {
    let page = store.list(query.listing()).await?;
    let mut response = answer::json(StatusCode::OK, page.to_json());
    if let Some(cursor) = &page.next_cursor {
        let link = format!("<{}>; rel=\"next\"", query.link_to(cursor));
        response
            .headers_mut()
            .extend(HeaderValue::try_from(link).map(|link| (LINK, link)));
    }
    Ok(response)
}

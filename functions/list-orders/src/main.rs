//! The Lambda function `list-orders`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(list_orders::routes()).await
}

//! The Lambda function `update-order`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(update_order::routes()).await
}

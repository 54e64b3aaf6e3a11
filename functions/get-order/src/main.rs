//! The Lambda function `get-order`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(get_order::routes()).await
}

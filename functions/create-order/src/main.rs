//! The Lambda function `create-order`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(create_order::routes()).await
}

//! The Lambda function `delete-order`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(delete_order::routes()).await
}

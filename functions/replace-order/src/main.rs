//! The Lambda function `replace-order`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(replace_order::routes()).await
}

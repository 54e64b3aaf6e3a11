//! The Lambda function `envelope`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve_with_store(envelope::routes()).await
}

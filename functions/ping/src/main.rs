//! The Lambda function `ping`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve(ping::routes()).await
}

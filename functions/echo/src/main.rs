//! The Lambda function `echo`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    common::lambda::serve(echo::routes()).await
}

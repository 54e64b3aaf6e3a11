//! `GET /ping`.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, Service};

#[rstest]
#[tokio::test]
async fn ping_answers(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let answer = service.get("/ping").await.expect(200);
    assert_eq!(answer.body, r#"{"message":"pong"}"#);
    assert_eq!(answer.header("content-type"), "application/json");
}

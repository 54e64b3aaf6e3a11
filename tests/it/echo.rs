//! `POST /echo`.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, Service};

#[rstest]
#[case(r#"{"z": 1.10, "a":[ ]}"#)]
#[case("123456789012345678901234567890123456789012")]
#[case(r#""\u00e4\ud83d\ude00""#)]
#[case("null")]
#[case(" [-0, 1E400, 1e-400] ")]
#[tokio::test]
async fn a_body_comes_back_as_it_came(
    #[case] body: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let answer = service.post("/echo", body).await.expect(200);
    assert_eq!(answer.body.trim(), body.trim());
    assert_eq!(answer.header("content-type"), "application/json");
}

#[rstest]
#[case("", "malformed_json")]
#[case("{", "malformed_json")]
#[case(r#"{"a":1,"a":2}"#, "malformed_json")]
#[case(r#""\ud800""#, "malformed_json")]
#[tokio::test]
async fn what_is_no_json_is_malformed(
    #[case] body: &str,
    #[case] code: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service.post("/echo", body).await.problem(400, code);
}

#[tokio::test]
async fn a_body_too_deep_to_hold_is_refused() {
    let service = Service::start(Local).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    service
        .post("/echo", deep)
        .await
        .problem(400, "malformed_json");
}

#[rstest]
#[tokio::test]
async fn the_content_type_must_be_json(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let refused = service.post("/echo", "{}").content_type("text/plain").await;
    refused.problem(415, "unsupported_media_type");
}

//! What API Gateway does by itself, as local mode imitates it.

use std::time::Duration;

use axum::http::Method;
use rstest::rstest;
use tests::Backend::Local;
use tests::{JACKET, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends these bytes, and gives what comes back until the connection ends.
async fn send_raw(service: &Service, request: &[u8]) -> String {
    let address = service.base_url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer))
        .await
        .expect("the connection ends")
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[rstest]
#[case(Method::GET, "/")]
#[case(Method::GET, "/nothing")]
#[case(Method::GET, "/orders/")]
#[case(Method::GET, "/orders/a/")]
#[case(Method::GET, "//orders")]
#[case(Method::GET, "/orders/a/b")]
#[case(Method::POST, "/orders/")]
#[case(Method::POST, "/orders/a")]
#[case(Method::PUT, "/orders")]
#[case(Method::DELETE, "/orders")]
#[case(Method::PATCH, "/orders")]
#[case(Method::POST, "/ping")]
#[case(Method::GET, "/echo")]
#[case(Method::OPTIONS, "/orders")]
#[tokio::test]
async fn a_route_that_does_not_exist_is_the_gateways_404(
    #[case] method: Method,
    #[case] target: &str,
) {
    let service = Service::start(Local).await;
    let answer = service.call(method, target).await;
    assert_eq!(answer.find_header("allow"), None);
    assert!(!answer.header("apigw-requestid").is_empty());
    answer.gateway(404, "Not Found");
}

#[rstest]
#[case("/orders")]
#[case("/orders/1234ABCG")]
#[case("/ping")]
#[tokio::test]
async fn head_is_no_route(#[case] target: &str) {
    let service = Service::start(Local).await;
    service.post("/orders", JACKET).await.expect(201);
    let answer = service.call(Method::HEAD, target).await.expect(404);
    assert_eq!(answer.body, "");
}

#[rstest]
#[case::none("")]
#[case::with_a_user("host: me@localhost\r\n")]
#[case::with_a_path("host: a/b\r\n")]
#[case::with_a_blank("host: a b\r\n")]
#[case::with_a_port_that_is_none("host: localhost:abc\r\n")]
#[case::with_a_port_too_large("host: localhost:65536\r\n")]
#[case::twice("host: localhost\r\nhost: localhost\r\n")]
#[tokio::test]
async fn a_malformed_host_is_a_bad_request(#[case] host: &str) {
    let service = Service::start(Local).await;
    let request = format!("GET /ping HTTP/1.1\r\n{host}connection: close\r\n\r\n");
    let answer = send_raw(&service, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[rstest]
#[case::that_fits(9_000, "200")]
#[case::that_does_not(10_300, "431")]
#[tokio::test]
async fn a_head_of_a_request_is_bounded(#[case] bytes: usize, #[case] status: &str) {
    let service = Service::start(Local).await;
    let pad = "x".repeat(bytes);
    let request = format!(
        "GET /ping HTTP/1.1\r\nhost: localhost\r\nx-pad: {pad}\r\nconnection: close\r\n\r\n"
    );
    let answer = send_raw(&service, request.as_bytes()).await;
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_beyond_the_gateways_bound_is_refused_at_once() {
    let service = Service::start(Local).await;
    let request = "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10485761\r\nconnection: close\r\n\r\n";
    let answer = send_raw(&service, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"message":"Request Entity Too Large"}"#),
        "{answer}"
    );
}

/// A body that does not say how long it is has the same bound as any.
#[tokio::test]
async fn a_chunked_body_is_read_and_bounded() {
    let service = Service::start(Local).await;
    let head = "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let (one, two) = JACKET.split_at(40);
    let chunks = format!("{head}28\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len());
    let answer = send_raw(&service, chunks.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");

    let long = format!("{head}100001\r\n{}\r\n0\r\n\r\n", " ".repeat(0x10_0001));
    let answer = send_raw(&service, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_request_target_goes_to_its_route_whatever_its_form() {
    let service = Service::start(Local).await;
    service.post("/orders", JACKET).await.expect(201);
    let get = async |target: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        send_raw(&service, request.as_bytes()).await
    };
    let answer = get("http://localhost/orders/1234ABCG").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = get("/orders/..").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains(r#""code":"not_found""#), "{answer}");
}

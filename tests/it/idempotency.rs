//! `POST /orders` with an `Idempotency-Key`.

use common::item::AttributeValue;
use futures_util::future::join_all;
use std::future::IntoFuture;

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, JACKET, Service, order};

const SCARF: &str = r#"{"product":"Scarf","price":5}"#;

#[rstest]
#[tokio::test]
async fn a_repeated_request_gets_the_first_answer(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let post = || service.post("/orders", SCARF).idempotency_key("key");
    let first = post().await.expect(201);
    assert_eq!(first.find_header("idempotency-replayed"), None);
    let again = post().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, first.body);
    for header in ["etag", "location", "content-type"] {
        assert_eq!(again.header(header), first.header(header));
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(service.items().await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn the_first_answer_outlives_the_order(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let post = || service.post("/orders", JACKET).idempotency_key("key");
    let first = post().await.expect(201);
    service
        .patch("/orders/1234ABCG", r#"{"price":1}"#)
        .await
        .expect(200);
    let again = post().await.expect(201);
    assert_eq!((&again.body, again.etag()), (&first.body, first.etag()));
    service.delete("/orders/1234ABCG").await.expect(204);
    let again = post().await.expect(201);
    assert_eq!((&again.body, again.etag()), (&first.body, first.etag()));
    assert!(service.items().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn the_same_json_is_the_same_body(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let post = |body: &str| service.post("/orders", body).idempotency_key("key");
    post(r#"{"product":"Scarf","price":1.50}"#)
        .await
        .expect(201);
    for same in [
        " { \"price\" : 1.5,\n\"product\":\"Scarf\"}",
        r#"{"product":"\u0053carf","price":15e-1}"#,
    ] {
        let again = post(same).await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    for other in [
        r#"{"product":"Scarf","price":1.51}"#,
        r#"{"product":"Scarf","price":1.5,"x":null}"#,
        r#"{"product":"scarf","price":1.5}"#,
    ] {
        post(other).await.problem(422, "idempotency_key_reused");
    }
    assert_eq!(service.items().await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_key_is_the_same_bare_and_quoted(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let post = |key: &str| service.post("/orders", SCARF).idempotency_key(key);
    let first = post("a key, of \\ two").await.expect(201);
    let again = post("\"a key, of \\\\ two\"").await.expect(201);
    assert_eq!(again.body, first.body);
}

/// As the gateway joins them.
#[rstest]
#[tokio::test]
async fn two_headers_are_one_key(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let post = |key: &str| service.post("/orders", SCARF).idempotency_key(key);
    let joined = post("a").idempotency_key("b").await.expect(201);
    assert_eq!(post("a,b").await.expect(201).body, joined.body);
}

#[rstest]
#[case("")]
#[case("\"\"")]
#[case("\"open")]
#[case("a\tb")]
#[case("ä")]
#[tokio::test]
async fn an_unusable_key_is_refused(#[case] key: &str, #[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let refused = service.post("/orders", SCARF).idempotency_key(key).await;
    let refused = refused.problem(400, "invalid_parameter");
    assert!(
        refused.detail().to_lowercase().contains("idempotency-key"),
        "{refused:#?}"
    );
    assert!(service.items().await.is_empty());
}

#[tokio::test]
async fn a_key_has_at_most_255_characters() {
    let service = Service::start(Local).await;
    let post = |key: String| service.post("/orders", SCARF).idempotency_key(&key);
    post("k".repeat(255)).await.expect(201);
    post("k".repeat(256))
        .await
        .problem(400, "invalid_parameter");
}

#[tokio::test]
async fn an_error_is_never_stored() {
    let service = Service::start(Local).await;
    let post = |body: &str| service.post("/orders", body).idempotency_key("key");
    post("{}").await.problem(422, "validation_failed");
    service.post("/orders", order("a", "")).await.expect(201);
    post(&order("a", "")).await.problem(409, "already_exists");
    let created = post(SCARF).await.expect(201);
    assert_eq!(created.find_header("idempotency-replayed"), None);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours() {
    let service = Service::start(Local).await;
    let post = |body: &str| service.post("/orders", body).idempotency_key("key");
    let first = post(SCARF).await.expect(201);
    service.clock.advance(24 * 60 * 60 - 5);
    assert_eq!(post(SCARF).await.expect(201).body, first.body);
    post(JACKET).await.problem(422, "idempotency_key_reused");
    service.clock.advance(6);
    let other = post(JACKET).await.expect(201);
    assert_eq!(other.find_header("idempotency-replayed"), None);
    assert_eq!(
        post(JACKET)
            .await
            .expect(201)
            .header("idempotency-replayed"),
        "true"
    );
    assert_eq!(service.items().await.len(), 2);
}

#[tokio::test]
async fn the_record_expires_by_the_tables_ttl() {
    let service = Service::start(Local).await;
    let before = service.clock.unix_seconds();
    service
        .post("/orders", SCARF)
        .idempotency_key("key")
        .await
        .expect(201);
    let table = &service.config.idempotency_table;
    let scan = service.dynamodb().scan().table_name(table).send().await;
    let records = scan.unwrap().items.unwrap();
    let [record] = records.as_slice() else {
        panic!("one record: {records:?}")
    };
    let AttributeValue::N(expires) = &record["expires_at"] else {
        panic!("TTL takes numbers: {record:?}")
    };
    let lifetime = expires.parse::<i64>().unwrap() - before;
    assert!((86_400..=86_460).contains(&lifetime), "{lifetime}");
    assert!(!format!("{record:?}").contains("\"key\""), "{record:?}");
}

/// The record holds the order, and needs room besides.
#[tokio::test]
async fn an_order_that_fits_without_a_key_may_be_too_large_with_one() {
    let service = Service::start(Local).await;
    let body = order("a", &format!("\"pad\":\"{}\"", "x".repeat(409_400)));
    let refused = service.post("/orders", body.clone()).idempotency_key("key");
    refused.await.problem(413, "payload_too_large");
    assert!(service.items().await.is_empty());
    service.post("/orders", body).await.expect(201);
}

#[rstest]
#[tokio::test]
async fn of_24_concurrent_creators_with_one_key_one_makes_an_order(
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let post = || service.post("/orders", SCARF).idempotency_key("key");
    let answers = join_all((0..24).map(|_| post().into_future())).await;
    let created: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    let first_ones = created
        .iter()
        .filter(|answer| answer.find_header("idempotency-replayed").is_none());
    assert_eq!(first_ones.count(), 1);
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(answer.body, created[0].body),
            _ => {
                answer.clone().problem(409, "idempotency_in_flight");
            }
        }
    }
    assert_eq!(service.items().await.len(), 1);
}

#[tokio::test]
async fn of_concurrent_creators_with_one_key_and_other_bodies_one_makes_an_order() {
    let service = Service::start(Local).await;
    let post = |n: usize| {
        service
            .post("/orders", format!(r#"{{"product":"Scarf","price":{n}}}"#))
            .idempotency_key("key")
    };
    let answers = join_all((0..16).map(|n| post(n).into_future())).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let created = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(created, 1, "{statuses:?}");
    assert!(
        statuses
            .iter()
            .all(|status| [201, 409, 422].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(service.items().await.len(), 1);
}

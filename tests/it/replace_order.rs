//! `PUT /orders/{id}`.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, Service, item, order, text};

const SCARF: &str = r#"{"product":"Scarf","price":5,"order_date":"2024-11-05T00:00:00Z"}"#;
const SCARF_A: &str =
    r#"{"id":"a","product":"Scarf","price":5,"order_date":"2024-11-05T00:00:00Z"}"#;

#[rstest]
#[tokio::test]
async fn an_order_is_created_then_replaced(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let created = service
        .put("/orders/a", order("a", r#""size":"M""#))
        .await
        .expect(201);
    assert_eq!(created.header("location"), "/orders/a");
    assert_eq!(created.body, order("a", r#""size":"M""#));

    let replaced = service.put("/orders/a", SCARF).await.expect(200);
    assert_eq!(replaced.find_header("location"), None);
    assert_eq!(replaced.body, SCARF_A);
    assert_ne!(replaced.etag(), created.etag());
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!((&read.body, read.etag()), (&replaced.body, replaced.etag()));
}

#[rstest]
#[case::other_id(
    r#"{"id":"b","product":"p","price":1,"order_date":"2024-11-05T00:00:00Z"}"#,
    "/id"
)]
#[case::no_date(r#"{"product":"p","price":1}"#, "/order_date")]
#[case::null_id(
    r#"{"id":null,"product":"p","price":1,"order_date":"2024-11-05T00:00:00Z"}"#,
    "/id"
)]
#[tokio::test]
async fn a_replacement_is_complete_and_keeps_the_id(
    #[case] body: &str,
    #[case] pointer: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let refused = service
        .put("/orders/a", body)
        .await
        .problem(422, "validation_failed");
    assert_eq!(refused.pointers(), [pointer]);
}

#[rstest]
#[case("/orders/a%2Fb")]
#[case("/orders/%C3%A4")]
#[case("/orders/%FF")]
#[tokio::test]
async fn an_id_outside_the_charset_is_a_violation(
    #[case] target: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let refused = service
        .put(target, SCARF)
        .await
        .problem(422, "validation_failed");
    assert_eq!(refused.pointers(), ["/id"]);
    assert!(service.items().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn conditions_are_honoured(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let put = || service.put("/orders/a", SCARF);

    // There is no order yet.
    for condition in ["*", "\"00000000000000000000000000000000\"", "\"other\""] {
        let refused = put()
            .if_match(condition)
            .await
            .problem(412, "precondition_failed");
        assert_eq!(refused.answer.find_header("etag"), None);
    }
    let first = put().if_none_match("*").await.expect(201).etag();

    // Now there is.
    let refused = put()
        .if_none_match("*")
        .await
        .problem(412, "precondition_failed");
    assert_eq!(refused.answer.etag(), first);
    let second = put().if_match(&first).await.expect(200).etag();
    let refused = put()
        .if_match(&first)
        .await
        .problem(412, "precondition_failed");
    assert_eq!(refused.answer.etag(), second);
    put()
        .if_match(&format!("W/{second}"))
        .await
        .problem(412, "precondition_failed");
    let third = put()
        .if_match(&format!("\"other\" ,, {second}"))
        .await
        .expect(200)
        .etag();
    put().if_match("*").await.expect(200);
    put()
        .if_match(&third)
        .if_none_match("*")
        .await
        .problem(412, "precondition_failed");
}

#[rstest]
#[case("if-match", "no quotes")]
#[case("if-match", "\"unterminated")]
#[case("if-match", "*, \"a\"")]
#[case("if-match", "")]
#[case("if-none-match", "\"a\"")]
#[tokio::test]
async fn a_condition_that_can_not_be_read_is_refused(
    #[case] name: &str,
    #[case] value: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let refused = service.put("/orders/a", SCARF).header(name, value).await;
    refused.problem(400, "invalid_parameter");
    assert!(service.items().await.is_empty());
}

/// Repeated headers are one list, as the gateway joins them.
#[rstest]
#[tokio::test]
async fn a_condition_may_stand_in_two_headers(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let tag = service.put("/orders/a", SCARF).await.expect(201).etag();
    let replaced = service
        .put("/orders/a", SCARF)
        .if_match("\"other\"")
        .if_match(&tag)
        .await;
    replaced.expect(200);
}

#[tokio::test]
async fn a_condition_can_list_more_tags_than_an_expression() {
    let service = Service::start(Local).await;
    let tag = service.put("/orders/a", SCARF).await.expect(201).etag();
    let others: Vec<_> = (0..150).map(|n| format!("\"{n:032x}\"")).collect();
    let refused = service
        .put("/orders/a", SCARF)
        .if_match(&others.join(","))
        .await;
    refused.problem(412, "precondition_failed");
    let list = format!("{},{tag}", others.join(","));
    let replaced = service.put("/orders/a", SCARF).if_match(&list).await;
    replaced.expect(200);
}

#[rstest]
#[tokio::test]
async fn another_programs_item_has_a_tag_to_replace_it_by(
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let foreign = |note: &str| item([("id", text("a")), ("note", text(note))]);
    service.put_item(foreign("first")).await;
    let first = service.get("/orders/a").await.expect(200).etag();
    service.put_item(foreign("second")).await;
    let put = |tag: &str| service.put("/orders/a", SCARF).if_match(tag);
    let refused = put(&first).await.problem(412, "precondition_failed");
    let replaced = put(&refused.answer.etag()).await.expect(200);
    assert_eq!(replaced.body, SCARF_A);
    put(&refused.answer.etag())
        .await
        .problem(412, "precondition_failed");
}

/// 415, 400, 422, then 412.
#[tokio::test]
async fn of_several_errors_the_first_in_order_is_answered() {
    let service = Service::start(Local).await;
    let call = |body: &str| service.put("/orders/a%20b", body).if_match("bad");
    call("{}")
        .content_type("text/plain")
        .await
        .problem(415, "unsupported_media_type");
    call("{").await.problem(400, "malformed_json");
    call("{}").await.problem(400, "invalid_parameter");
    let good = |body: &str| call(body).without_header("if-match").if_match("\"x\"");
    good("{}").await.problem(422, "validation_failed");
}

//! `PATCH /orders/{id}`.

use aws_sdk_dynamodb::types::AttributeValue::Ss;
use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, JACKET, Service, item, number, order, text};

#[rstest]
#[tokio::test]
async fn what_is_named_changes(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let body = order(
        "a",
        r#""size":"M","tags":[1,2],"to":{"city":"Bern","zip":3000}"#,
    );
    let before = service.post("/orders", body).await.expect(201);
    let patch = r#"{"price":68.50,"size":null,"tags":[3],"to":{"zip":null,"street":{"no":7}},"new":{"a":null,"b":1}}"#;
    let patched = service.patch("/orders/a", patch).await.expect(200);
    assert_eq!(
        patched.body,
        r#"{"id":"a","product":"Beautiful Jacket","price":68.5,"order_date":"2024-11-04T10:30:00Z","new":{"b":1},"tags":[3],"to":{"city":"Bern","street":{"no":7}}}"#
    );
    assert_ne!(patched.etag(), before.etag());
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!((&read.body, read.etag()), (&patched.body, patched.etag()));
}

#[rstest]
#[tokio::test]
async fn an_empty_patch_changes_nothing(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let tag = service.post("/orders", JACKET).await.expect(201).etag();
    let patched = service.patch("/orders/1234ABCG", "{}").await.expect(200);
    assert_eq!((patched.body.as_str(), patched.etag()), (JACKET, tag));
    let refused = service.patch("/orders/1234ABCG", "{}").if_match("\"x\"");
    refused.await.problem(412, "precondition_failed");
    service
        .patch("/orders/none", "{}")
        .await
        .problem(404, "not_found");
}

/// The examples of RFC 7396, appendix A, each at an attribute.
#[rstest]
#[case(r#""b""#, r#""c""#, r#""c""#)]
#[case(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
#[case(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#)]
#[case(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}")]
#[case(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#)]
#[case(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
#[case(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#)]
#[case(
    r#"{"a":{"b":"c"}}"#,
    r#"{"a":{"b":"d","c":null}}"#,
    r#"{"a":{"b":"d"}}"#
)]
#[case(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#)]
#[case(r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#)]
#[case(r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#)]
#[case(r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#)]
#[case(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#)]
#[case("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#)]
#[case("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#)]
#[tokio::test]
async fn the_examples_of_the_rfc_hold(
    #[case] original: &str,
    #[case] patch: &str,
    #[case] result: &str,
) {
    let service = Service::start(Local).await;
    service
        .post("/orders", order("a", &format!("\"x\":{original}")))
        .await
        .expect(201);
    let patched = service
        .patch("/orders/a", format!("{{\"x\":{patch}}}"))
        .await
        .expect(200);
    assert_eq!(patched.body, order("a", &format!("\"x\":{result}")));
}

#[rstest]
#[case::product_removed(r#"{"product":null}"#, "/product")]
#[case::price_removed(r#"{"price":null}"#, "/price")]
#[case::date_removed(r#"{"order_date":null}"#, "/order_date")]
#[case::id_changed(r#"{"id":"b"}"#, "/id")]
#[case::id_removed(r#"{"id":null}"#, "/id")]
#[case::price_text(r#"{"price":"1"}"#, "/price")]
#[case::blank_product(r#"{"product":""}"#, "/product")]
#[case::bookkeeping(r#"{"_rev":"x"}"#, "/_rev")]
#[case::bookkeeping_removed(r#"{"_shard":null}"#, "/_shard")]
#[case::empty_name(r#"{"":1}"#, "/")]
#[case::empty_name_removed(r#"{"a":{"":null}}"#, "/a/")]
#[case::no_object("[]", "")]
#[tokio::test]
async fn a_patch_that_would_make_no_valid_order_is_refused(
    #[case] patch: &str,
    #[case] pointer: &str,
) {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let refused = service
        .patch("/orders/a", patch)
        .await
        .problem(422, "validation_failed");
    assert_eq!(refused.pointers(), [pointer]);
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!(read.body, order("a", ""));
}

#[tokio::test]
async fn the_own_id_may_be_named() {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    service
        .patch("/orders/a", r#"{"id":"a","price":1}"#)
        .await
        .expect(200);
}

#[rstest]
#[case("application/merge-patch+json", 200)]
#[case("application/json", 200)]
#[case("Application/Merge-Patch+JSON;charset=utf-8", 200)]
#[case("application/json-patch+json", 415)]
#[case("text/plain", 415)]
#[tokio::test]
async fn the_content_type_says_what_the_patch_is(
    #[case] content_type: &str,
    #[case] status: u16,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let answer = service
        .patch("/orders/a", r#"{"price":1}"#)
        .content_type(content_type)
        .await;
    if status == 415 {
        let refused = answer.problem(415, "unsupported_media_type");
        let accepted = refused.answer.header("accept-patch").to_owned();
        assert!(accepted.contains("application/merge-patch+json"));
    } else {
        answer.expect(status);
    }
}

#[rstest]
#[case::flat(r#"{"price":1}"#)]
#[case::deep(r#"{"to":{"zip":1}}"#)]
#[tokio::test]
async fn conditions_are_honoured(#[case] patch: &str, #[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let send = || service.patch("/orders/a", patch);
    // Where there is no order, there is none, whatever the condition.
    for condition in ["*", "\"00000000000000000000000000000000\"", "\"other\""] {
        send().if_match(condition).await.problem(404, "not_found");
    }
    send().await.problem(404, "not_found");

    let first = service
        .post("/orders", order("a", ""))
        .await
        .expect(201)
        .etag();
    let second = send().if_match(&first).await.expect(200).etag();
    let refused = send()
        .if_match(&first)
        .await
        .problem(412, "precondition_failed");
    assert_eq!(refused.answer.etag(), second);
    send()
        .if_match(&format!("W/{second}"))
        .await
        .problem(412, "precondition_failed");
    send().if_match("*").await.expect(200);
    send()
        .if_match("bad")
        .await
        .problem(400, "invalid_parameter");
}

#[rstest]
#[case::flat(r#"{"price":1}"#)]
#[case::deep(r#"{"to":{"zip":1}}"#)]
#[case::empty("{}")]
#[tokio::test]
async fn a_patch_creates_nothing_whatever_the_condition(
    #[case] patch: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let send = || service.patch("/orders/a", patch).if_none_match("*");
    send().await.problem(404, "not_found");
    assert!(service.items().await.is_empty());
    service.post("/orders", order("a", "")).await.expect(201);
    send().await.problem(412, "precondition_failed");
}

#[rstest]
#[tokio::test]
async fn a_patch_of_another_programs_item_changes_what_it_names(
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let tags = || Ss(vec!["a".into(), "b".into()]);
    let foreign = item([
        ("id", text("a")),
        ("price", text("a lot")),
        ("tags", tags()),
        ("n", number("1.5")),
    ]);
    service.put_item(foreign).await;
    let patched = service
        .patch("/orders/a", r#"{"note":"seen"}"#)
        .await
        .expect(200);
    assert_eq!(
        patched.body,
        r#"{"id":"a","price":"a lot","n":1.5,"note":"seen","tags":["a","b"]}"#
    );
    let item = service.item("a").await;
    let Ss(mut kept) = item["tags"].clone() else {
        panic!("a set stays a set: {item:?}")
    };
    kept.sort();
    assert_eq!(Ss(kept), tags());
    assert_eq!(item["price"], text("a lot"));
    let refused = service.patch("/orders/a", r#"{"price":"less"}"#).await;
    assert_eq!(
        refused.problem(422, "validation_failed").pointers(),
        ["/price"]
    );
}

/// DynamoDB takes 4 KB and 300 operators of an expression: a patch has no such bound.
#[rstest]
#[case::of_290_attributes(290)]
#[case::of_291_attributes(291)]
#[case::of_1_000_attributes(1_000)]
#[tokio::test]
async fn a_patch_may_outgrow_an_expression(
    #[case] attributes: usize,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let members = |value: &str| {
        let members: Vec<_> = (0..attributes)
            .map(|n| format!("\"attribute-{n:04}\":{value}"))
            .collect();
        members.join(",")
    };
    let body = order("a", &format!("{},\"kept\":1", members("0")));
    let tag = service.post("/orders", body).await.expect(201).etag();
    let patched = service
        .patch("/orders/a", format!("{{{}}}", members("1")))
        .if_match(&tag)
        .await
        .expect(200);
    let expected = order("a", &format!("{},\"kept\":1", members("1")));
    assert_eq!(patched.body, expected);
    let removed = service
        .patch("/orders/a", format!("{{{}}}", members("null")))
        .await
        .expect(200);
    assert_eq!(removed.body, order("a", "\"kept\":1"));
}

#[tokio::test]
async fn a_patch_can_not_make_an_order_too_large() {
    let service = Service::start(Local).await;
    let half = "x".repeat(250_000);
    let body = order("a", &format!("\"one\":\"{half}\""));
    let before = service.post("/orders", body).await.expect(201);
    for patch in [
        format!("{{\"two\":\"{half}\"}}"),
        format!("{{\"two\":{{\"deep\":\"{half}\"}}}}"),
    ] {
        let refused = service.patch("/orders/a", patch).await;
        refused.problem(413, "payload_too_large");
    }
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!((read.etag(), &read.body), (before.etag(), &before.body));
}

/// What an order can be created with, a patch can bring it to.
#[rstest]
#[case::of_one_attribute(1)]
#[case::of_100_attributes(100)]
#[tokio::test]
async fn a_patch_may_fill_an_order_to_its_limit(#[case] attributes: usize) {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let used = common::item::size_bytes(&service.item("a").await);
    let name_bytes = "attribute-000".len();
    let each = (409_600 - used) / attributes - name_bytes;
    let rest = (409_600 - used) - attributes * (each + name_bytes);
    let members: Vec<_> = (0..attributes)
        .map(|n| {
            let more = if n == 0 { rest } else { 0 };
            format!(r#""attribute-{n:03}":"{}""#, "x".repeat(each + more))
        })
        .collect();
    let patch = format!("{{{}}}", members.join(","));
    service.patch("/orders/a", patch).await.expect(200);
    assert_eq!(common::item::size_bytes(&service.item("a").await), 409_600);
}

#[rstest]
#[case::of_32_levels(32, 200)]
#[case::of_33_levels(33, 422)]
#[tokio::test]
async fn a_patch_nests_as_deep_as_an_order(#[case] objects: usize, #[case] status: u16) {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let deep = format!("{}1{}", "{\"x\":".repeat(objects), "}".repeat(objects));
    service.patch("/orders/a", deep).await.expect(status);
}

/// 413, 415, 400, 422, then 404.
#[tokio::test]
async fn of_several_errors_the_first_in_order_is_answered() {
    let service = Service::start(Local).await;
    let call = |body: &str| service.patch("/orders/a%20b", body).if_match("bad");
    call("{}")
        .content_type("text/plain")
        .await
        .problem(415, "unsupported_media_type");
    call("{").await.problem(400, "malformed_json");
    call(r#"{"price":""}"#)
        .await
        .problem(400, "invalid_parameter");
    let good = |body: &str| call(body).without_header("if-match");
    good(r#"{"price":""}"#)
        .await
        .problem(422, "validation_failed");
    good("{}").await.problem(404, "not_found");
}

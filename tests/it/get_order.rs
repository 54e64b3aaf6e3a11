//! `GET /orders/{id}`.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, JACKET, Service, item, number, order, text};

#[rstest]
#[tokio::test]
async fn a_missing_order_is_not_found(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.get("/orders/none").await.problem(404, "not_found");
}

/// What is no id is the id of no order, however it is encoded.
#[rstest]
#[case("/orders/a%2Fb")]
#[case("/orders/a%23b")]
#[case("/orders/a%3Fb=c")]
#[case("/orders/a%20b")]
#[case("/orders/%C3%A4")]
#[case("/orders/%00")]
#[case("/orders/%FF")]
#[case("/orders/%2E%2E")]
#[case("/orders/a+b")]
#[tokio::test]
async fn an_id_outside_the_charset_is_not_found(
    #[case] target: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    service.get(target).await.problem(404, "not_found");
}

#[rstest]
#[case("/orders/1234ABCG")]
#[case("/orders/%31234ABCG")]
#[case("/orders/1234ABC%47?ignored=1")]
#[tokio::test]
async fn an_id_is_decoded(#[case] target: &str, #[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.post("/orders", JACKET).await.expect(201);
    assert_eq!(service.get(target).await.expect(200).body, JACKET);
}

#[rstest]
#[tokio::test]
async fn every_character_of_the_charset_makes_an_id(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    for id in ["azAZ09._~-", "...", "-", "~"] {
        let created = service.post("/orders", order(id, "")).await.expect(201);
        let location = created.header("location").to_owned();
        assert_eq!(service.get(&location).await.expect(200).body, order(id, ""));
    }
}

#[rstest]
#[tokio::test]
async fn a_copy_that_is_current_is_not_sent_again(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let tag = service.post("/orders", JACKET).await.expect(201).etag();
    let read = |condition: &str| service.get("/orders/1234ABCG").if_none_match(condition);
    for condition in [
        tag.clone(),
        format!("\"other\", {tag}"),
        format!("W/{tag}"),
        "*".to_owned(),
    ] {
        let answer = read(&condition).await.expect(304);
        assert_eq!((answer.body.as_str(), answer.etag()), ("", tag.clone()));
    }
    assert_eq!(read("\"other\"").await.expect(200).body, JACKET);
    read("no tag").await.problem(400, "invalid_parameter");
}

#[rstest]
#[tokio::test]
async fn a_read_sees_the_write_before_it(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.post("/orders", JACKET).await.expect(201);
    for price in 1..=20 {
        let body = format!(r#"{{"price":{price}}}"#);
        service.patch("/orders/1234ABCG", body).await.expect(200);
        let read = service.get("/orders/1234ABCG").await.expect(200);
        assert!(read.body.contains(&format!(r#""price":{price},"#)));
    }
}

#[rstest]
#[tokio::test]
async fn another_programs_item_goes_out_as_it_is(#[values(Local, Lambda)] backend: Backend) {
    use aws_sdk_dynamodb::types::AttributeValue::{B, Bs, L, M, Ns, Null, Ss};
    let service = Service::start(backend).await;
    let blob = |bytes: &[u8]| aws_sdk_dynamodb::primitives::Blob::new(bytes);
    service
        .put_item(item([
            ("id", text("foreign")),
            ("price", text("a lot")),
            ("tags", Ss(vec!["b".into(), "a".into()])),
            ("sizes", Ns(vec!["10".into(), "9".into(), "-1".into()])),
            ("parts", Bs(vec![blob(b"b"), blob(b"a")])),
            ("raw", B(blob(b"\x00\xff"))),
            ("huge", number("1e125")),
            ("nothing", Null(true)),
            (
                "list",
                L(vec![M(item([("z", number("-0")), ("a", number("1.10"))]))]),
            ),
        ]))
        .await;
    let read = service.get("/orders/foreign").await.expect(200);
    let huge = format!("1{}", "0".repeat(125));
    assert_eq!(
        read.body,
        format!(
            r#"{{"id":"foreign","price":"a lot","huge":{huge},"list":[{{"a":1.1,"z":0}}],"nothing":null,"parts":["YQ==","Yg=="],"raw":"AP8=","sizes":[-1,9,10],"tags":["a","b"]}}"#
        )
    );
    let again = service.get("/orders/foreign").await.expect(200);
    assert_eq!((again.etag(), again.body), (read.etag(), read.body));
}

#[tokio::test]
async fn bookkeeping_is_not_shown_whatever_it_holds() {
    let service = Service::start(Local).await;
    let odd = item([
        ("id", text("a")),
        ("_rev", number("5")),
        ("_shard", text("x")),
        ("_revision", text("shown")),
    ]);
    service.put_item(odd).await;
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!(read.body, r#"{"id":"a","_revision":"shown"}"#);
    service
        .delete("/orders/a")
        .if_match(&read.etag())
        .await
        .expect(204);
}

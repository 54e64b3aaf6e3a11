//! An answer of DynamoDB's is lost, and the SDK sends the request again: no write is made twice, or refused because of
//! its own first attempt.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::proxy::Fault::{CutAnswer, LoseAnswer, Refuse, Reset};
use tests::{Backend, JACKET, Service, item, number, order, text};

#[rstest]
#[tokio::test]
async fn a_creation_is_made_once(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    for faults in [
        vec![LoseAnswer],
        vec![LoseAnswer; 3],
        vec![CutAnswer],
        vec![Reset, LoseAnswer],
    ] {
        proxy.inject("PutItem", faults);
        let created = service.post("/orders", JACKET).await.expect(201);
        assert!(proxy.is_through());
        let read = service.get("/orders/1234ABCG").await.expect(200);
        assert_eq!((&read.body, read.etag()), (&created.body, created.etag()));
        service.delete("/orders/1234ABCG").await.expect(204);
    }
}

#[rstest]
#[tokio::test]
async fn a_creation_with_a_key_is_made_once(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    proxy.inject("TransactWriteItems", [LoseAnswer, CutAnswer]);
    let post = || service.post("/orders", JACKET).idempotency_key("key");
    let created = post().await.expect(201);
    assert!(proxy.is_through());
    assert_eq!(created.find_header("idempotency-replayed"), None);
    let again = post().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.etag(), created.etag());
}

#[rstest]
#[tokio::test]
async fn a_conditional_replacement_does_not_meet_itself(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    let created = service.post("/orders", order("a", "")).await.expect(201);
    proxy.inject("PutItem", [LoseAnswer, LoseAnswer]);
    let replaced = service
        .put("/orders/a", order("a", r#""n":1"#))
        .if_match(&created.etag())
        .await
        .expect(200);
    assert!(proxy.is_through());
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!(read.etag(), replaced.etag());
    proxy.inject("PutItem", [LoseAnswer]);
    let put = service.put("/orders/new", order("new", ""));
    put.if_none_match("*").await.expect(201);
}

#[rstest]
#[case::flat(r#"{"price":1}"#)]
#[case::deep(r#"{"to":{"zip":1}}"#)]
#[tokio::test]
async fn a_conditional_patch_does_not_meet_itself(
    #[case] patch: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    let created = service.post("/orders", order("a", "")).await.expect(201);
    proxy.inject("UpdateItem", [LoseAnswer, LoseAnswer]);
    let patched = service
        .patch("/orders/a", patch)
        .if_match(&created.etag())
        .await
        .expect(200);
    assert!(proxy.is_through());
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!((&read.body, read.etag()), (&patched.body, patched.etag()));
}

#[rstest]
#[tokio::test]
async fn a_delete_that_finds_its_own_work_is_done(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    for condition in [None, Some("*"), Some("tag")] {
        let tag = service
            .post("/orders", order("a", ""))
            .await
            .expect(201)
            .etag();
        proxy.inject("DeleteItem", [LoseAnswer]);
        let mut delete = service.delete("/orders/a");
        if let Some(condition) = condition {
            delete = delete.if_match(if condition == "tag" { &tag } else { condition });
        }
        delete.await.expect(204);
        assert!(proxy.is_through() && service.items().await.is_empty());
    }
    // Sent again without having been done: there was nothing to delete.
    proxy.inject(
        "DeleteItem",
        [Refuse(400, "ProvisionedThroughputExceededException")],
    );
    service.delete("/orders/a").await.problem(404, "not_found");
    assert!(proxy.is_through());
}

/// An ADD counts once, whatever is lost.
#[rstest]
#[tokio::test]
async fn the_envelopes_writes_are_made_once(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    proxy.inject("PutItem", [LoseAnswer]);
    let create = r#"{"Item":{"id":"a","n":1},"ConditionExpression":"attribute_not_exists(id)"}"#;
    service.envelope("create", create).await.expect(200);
    for (update, count) in [
        (
            r#""UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":1}"#,
            2,
        ),
        (
            r#""UpdateExpression":"SET n = n + :one","ConditionExpression":"n = :two","ExpressionAttributeValues":{":one":1,":two":2}"#,
            3,
        ),
        (
            r#""UpdateExpression":"ADD n :one","ConditionExpression":"n > :zero OR attribute_exists(id)","ExpressionAttributeValues":{":one":1,":zero":0}"#,
            4,
        ),
        (r#""AttributeUpdates":{"n":{"Action":"ADD","Value":1}}"#, 5),
    ] {
        proxy.inject("UpdateItem", [LoseAnswer, LoseAnswer, CutAnswer]);
        let payload = format!(r#"{{"Key":{{"id":"a"}},{update},"ReturnValues":"UPDATED_NEW"}}"#);
        let updated = service.envelope("update", &payload).await.expect(200);
        let start = format!(r#"{{"Attributes":{{"n":{count}}},"#);
        assert!(updated.body.starts_with(&start), "{updated:#?}");
        assert_eq!(updated.json()["ResponseMetadata"]["RetryAttempts"], 3);
        assert_eq!(service.item("a").await["n"], number(&count.to_string()));
    }
    proxy.inject("DeleteItem", [LoseAnswer]);
    let delete =
        r#"{"Key":{"id":"a"},"ConditionExpression":"n = :n","ExpressionAttributeValues":{":n":5}}"#;
    service.envelope("delete", delete).await.expect(200);
    assert!(proxy.is_through() && service.items().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn a_write_of_another_programs_item_does_not_meet_itself(
    #[values(Local, Lambda)] backend: Backend,
) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    service
        .put_item(item([("id", text("a")), ("n", number("1"))]))
        .await;
    let tag = service.get("/orders/a").await.expect(200).etag();
    proxy.inject("UpdateItem", [LoseAnswer]);
    service
        .patch("/orders/a", r#"{"n":2}"#)
        .if_match(&tag)
        .await
        .expect(200);
    assert!(proxy.is_through());
}

/// The database is there for others too: who is in the way, or for how long it is not there, is said and nothing is
/// done.
#[rstest]
#[case::throttled("ProvisionedThroughputExceededException", 400, 503, "throttled")]
#[case::down("InternalServerError", 500, 503, "unavailable")]
#[case::in_a_transaction("TransactionConflictException", 400, 409, "conflict")]
#[tokio::test]
async fn a_write_that_is_refused_to_the_end_is_not_made(
    #[case] exception: &'static str,
    #[case] status: u16,
    #[case] answered: u16,
    #[case] code: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    let tag = service
        .post("/orders", order("a", ""))
        .await
        .expect(201)
        .etag();
    proxy.inject("PutItem", vec![Refuse(status, exception); 4]);
    let refused = service.put("/orders/a", order("a", r#""n":1"#)).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(answered, code);
    assert!(proxy.is_through());
    assert_eq!(service.get("/orders/a").await.expect(200).etag(), tag);
    // And once it is there again, all is well.
    proxy.inject("PutItem", vec![Refuse(status, exception); 2]);
    service
        .put("/orders/a", order("a", ""))
        .if_match(&tag)
        .await
        .expect(200);
    assert!(proxy.is_through());
}

/// One request of the client's is one to the database, wherever it can be.
#[rstest]
#[tokio::test]
async fn an_operation_is_one_request(#[values(Local, Lambda)] backend: Backend) {
    let (service, proxy) = Service::start_behind_proxy(backend).await;
    let tag = service.post("/orders", JACKET).await.expect(201).etag();
    let id = "/orders/1234ABCG";
    let asked = || {
        let usage = proxy.take_usage().into_iter();
        let count = |(operation, usage): (String, tests::proxy::Usage)| (operation, usage.requests);
        usage.map(count).collect::<Vec<_>>()
    };
    let once = |operation: &str| vec![(operation.to_owned(), 1)];
    assert_eq!(asked(), once("PutItem"));
    service.get(id).await.expect(200);
    assert_eq!(asked(), once("GetItem"));
    let tag = service
        .patch(id, r#"{"price":1,"size":null}"#)
        .if_match(&tag)
        .await
        .expect(200)
        .etag();
    assert_eq!(asked(), once("UpdateItem"));
    service.put(id, JACKET).if_match(&tag).await.expect(200);
    assert_eq!(asked(), once("PutItem"));
    service.get("/orders").await.expect(200);
    assert_eq!(asked(), once("Scan"));
    service
        .get("/orders?product=Beautiful%20Jacket")
        .await
        .expect(200);
    assert_eq!(asked(), once("Query"));
    service.delete(id).await.expect(204);
    assert_eq!(asked(), once("DeleteItem"));
    let post = service.post("/orders", JACKET).idempotency_key("key");
    post.await.expect(201);
    assert_eq!(asked(), once("TransactWriteItems"));
    service.get("/ping").await.expect(200);
    service.post("/echo", "1").await.expect(200);
    assert_eq!(asked(), []);
}

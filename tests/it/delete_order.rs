//! `DELETE /orders/{id}`.

use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, Service, item, order, text};

#[rstest]
#[tokio::test]
async fn an_order_is_deleted(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let deleted = service.delete("/orders/a").await.expect(204);
    assert_eq!(deleted.body, "");
    service.get("/orders/a").await.problem(404, "not_found");
    service.delete("/orders/a").await.problem(404, "not_found");
    assert!(service.items().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn conditions_are_honoured(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let delete = |condition: &str| service.delete("/orders/a").if_match(condition);
    for condition in ["*", "\"00000000000000000000000000000000\"", "\"other\""] {
        delete(condition).await.problem(404, "not_found");
    }
    let first = service
        .post("/orders", order("a", ""))
        .await
        .expect(201)
        .etag();
    let second = service
        .patch("/orders/a", r#"{"n":1}"#)
        .await
        .expect(200)
        .etag();
    let refused = delete(&first).await.problem(412, "precondition_failed");
    assert_eq!(refused.answer.etag(), second);
    delete("bad").await.problem(400, "invalid_parameter");
    delete(&second).await.expect(204);
    service.post("/orders", order("a", "")).await.expect(201);
    delete("*").await.expect(204);
}

#[rstest]
#[tokio::test]
async fn a_delete_of_what_must_not_be_there_deletes_nothing(
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let delete = || service.delete("/orders/a").if_none_match("*");
    delete().await.problem(404, "not_found");
    service.post("/orders", order("a", "")).await.expect(201);
    delete().await.problem(412, "precondition_failed");
    service.get("/orders/a").await.expect(200);
}

#[rstest]
#[tokio::test]
async fn another_programs_item_is_deleted(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let foreign = |note: &str| item([("id", text("a")), ("note", text(note))]);
    service.put_item(foreign("first")).await;
    let first = service.get("/orders/a").await.expect(200).etag();
    service.put_item(foreign("second")).await;
    let delete = |tag: &str| service.delete("/orders/a").if_match(tag);
    let refused = delete(&first).await.problem(412, "precondition_failed");
    delete(&refused.answer.etag()).await.expect(204);
}

#[rstest]
#[case("/orders/a%2Fb")]
#[case("/orders/%FF")]
#[tokio::test]
async fn an_id_outside_the_charset_is_not_found(
    #[case] target: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service.delete(target).await.problem(404, "not_found");
}

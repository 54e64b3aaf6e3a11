//! Many writers at one order.

use std::future::IntoFuture;

use futures_util::future::join_all;
use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Answer, Backend, Call, Service, order};

#[derive(Clone, Copy, Debug)]
enum Write {
    Put,
    FlatPatch,
    DeepPatch,
    Delete,
}
use Write::{DeepPatch, Delete, FlatPatch, Put};

impl Write {
    fn call(self, service: &Service, n: usize) -> Call<'_> {
        match self {
            Put => service.put("/orders/a", order("a", &format!("\"writer\":{n}"))),
            FlatPatch => service.patch("/orders/a", format!("{{\"writer\":{n}}}")),
            DeepPatch => service.patch("/orders/a", format!("{{\"by{n}\":{{\"writer\":{n}}}}}")),
            Delete => service.delete("/orders/a"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn of_16_writers_with_one_tag_one_succeeds(
    #[values(Put, FlatPatch, DeepPatch, Delete)] write: Write,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let tag = service
        .post("/orders", order("a", ""))
        .await
        .expect(201)
        .etag();
    let writers = (0..16).map(|n| write.call(&service, n).if_match(&tag).into_future());
    let (done, refused): (Vec<Answer>, Vec<Answer>) = join_all(writers)
        .await
        .into_iter()
        .partition(|answer| answer.status < 300);
    assert_eq!(done.len(), 1, "{done:#?}");
    for answer in refused {
        if let Delete = write {
            // A deleted order is none, whatever the condition.
            answer.problem(404, "not_found");
        } else {
            let problem = answer.problem(412, "precondition_failed");
            assert_eq!(problem.answer.etag(), done[0].etag());
        }
    }
    if let Delete = write {
        assert!(service.items().await.is_empty());
    } else {
        let read = service.get("/orders/a").await.expect(200);
        assert_eq!(read.body, done[0].body);
    }
}

#[rstest]
#[tokio::test]
async fn of_16_creators_with_one_id_one_succeeds(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let put = |n| Put.call(&service, n).if_none_match("*").into_future();
    let answers = join_all((0..16).map(put)).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((created, refused), (1, 15), "{answers:#?}");
}

#[rstest]
#[tokio::test]
async fn no_patch_without_a_condition_is_lost(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let deep = (0..8).map(|n| format!(r#"{{"to":{{"deeper":{{"p{n}":{n}}}}}}}"#));
    let flat = (0..8).map(|n| format!(r#"{{"q{n}":{n}}}"#));
    let patches = deep
        .chain(flat)
        .map(|patch| service.patch("/orders/a", patch).into_future());
    for answer in join_all(patches).await {
        answer.expect(200);
    }
    let order = service.get("/orders/a").await.expect(200).json();
    for n in 0..8 {
        assert_eq!(order["to"]["deeper"][format!("p{n}")], n, "{order}");
        assert_eq!(order[format!("q{n}")], n, "{order}");
    }
}

/// Another program's `UpdateItem` leaves the revision as it is: what a deep patch merges into is checked too.
#[tokio::test]
async fn a_deep_patch_loses_nothing_that_another_program_writes() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let service = Service::start(Local).await;
    service
        .post("/orders", order("a", r#""to":{}"#))
        .await
        .expect(201);
    let other = async {
        for n in 0..30 {
            let update = service
                .dynamodb()
                .update_item()
                .table_name(&service.config.table)
                .key("id", AttributeValue::S("a".to_owned()))
                .update_expression("SET #to.#n = :n")
                .expression_attribute_names("#to", "to")
                .expression_attribute_names("#n", format!("other{n}"))
                .expression_attribute_values(":n", AttributeValue::N(n.to_string()));
            update.send().await.unwrap();
        }
    };
    let ours = async {
        for n in 0..30 {
            let patch = format!(r#"{{"to":{{"ours{n}":{n}}}}}"#);
            service.patch("/orders/a", patch).await.expect(200);
        }
    };
    tokio::join!(other, ours);
    let order = service.get("/orders/a").await.expect(200).json();
    for n in 0..30 {
        assert_eq!(order["to"][format!("other{n}")], n, "{order}");
        assert_eq!(order["to"][format!("ours{n}")], n, "{order}");
    }
}

/// A patch too large for an expression is written as a whole order, and still loses nothing.
#[tokio::test]
async fn a_patch_of_many_attributes_loses_nothing_that_another_program_writes() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let service = Service::start(Local).await;
    service
        .post("/orders", order("a", r#""count":0"#))
        .await
        .expect(201);
    let other = async {
        for _ in 0..40 {
            let update = service
                .dynamodb()
                .update_item()
                .table_name(&service.config.table)
                .key("id", AttributeValue::S("a".to_owned()))
                .update_expression("ADD #count :one")
                .expression_attribute_names("#count", "count")
                .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
            update.send().await.unwrap();
        }
    };
    let ours = async {
        for n in 0..20 {
            let members: Vec<_> = (0..300).map(|name| format!("\"a{name}\":{n}")).collect();
            let patch = format!("{{{}}}", members.join(","));
            service.patch("/orders/a", patch).await.expect(200);
        }
    };
    tokio::join!(other, ours);
    let order = service.get("/orders/a").await.expect(200).json();
    assert_eq!((&order["count"], &order["a299"]), (&40.into(), &19.into()));
}

/// The envelope's writers are this service's writers: their changes are seen by `If-Match`.
#[rstest]
#[case::create("create", r#"{"Item":{"id":"a"}}"#)]
#[case::set(
    "update",
    r#"{"Key":{"id":"a"},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":1}}"#
)]
#[case::remove("update", r#"{"Key":{"id":"a"},"UpdateExpression":"remove price"}"#)]
#[case::add(
    "update",
    r#"{"Key":{"id":"a"},"UpdateExpression":"ADD price :n","ExpressionAttributeValues":{":n":1}}"#
)]
#[case::older(
    "update",
    r#"{"Key":{"id":"a"},"AttributeUpdates":{"n":{"Value":1,"Action":"PUT"}}}"#
)]
#[case::nothing("update", r#"{"Key":{"id":"a"}}"#)]
#[tokio::test]
async fn a_write_of_the_envelope_changes_the_tag(
    #[case] operation: &str,
    #[case] payload: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let tag = service
        .post("/orders", order("a", ""))
        .await
        .expect(201)
        .etag();
    service.envelope(operation, payload).await.expect(200);
    let refused = service
        .put("/orders/a", order("a", ""))
        .if_match(&tag)
        .await
        .problem(412, "precondition_failed");
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!(refused.answer.etag(), read.etag());
}

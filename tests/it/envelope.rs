//! `POST /`, the original service's envelope. How its answers compare with what boto3 gets from the same engine is
//! in `tests/boto3/compare.py`; here is what the contract adds, and what no clients' library sends.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue::Ss;
use common::config::Config;
use common::item::{REVISION, SHARD};
use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, Options, Service, item, number, order, text};

/// The original's own sample requests.
#[rstest]
#[tokio::test]
async fn the_samples_of_the_original_work(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let payload = r#"{"Item":{"id":"1234ABCG","price":78.89,"product":"Beautiful Jacket","order_date":"2024-11-04T10:30:00Z"}}"#;
    let created = service.envelope("create", payload).await.expect(200);
    assert_eq!(created.header("content-type"), "application/json");
    let metadata = &created.json()["ResponseMetadata"];
    assert_eq!(metadata["HTTPStatusCode"], 200);
    assert_eq!(metadata["RetryAttempts"], 0);
    assert!(metadata["RequestId"].is_string());

    let listed = service.envelope("list", "{}").await.expect(200);
    let start = format!(
        r#"{{"Items":[{}],"Count":1,"ScannedCount":1,"#,
        tests::JACKET
    );
    assert!(listed.body.starts_with(&start), "{listed:#?}");

    let read = service.get("/orders/1234ABCG").await.expect(200);
    assert_eq!(read.body, tests::JACKET);
    let item = service.item("1234ABCG").await;
    assert_eq!(item["price"], number("78.89"));
    assert!(item.contains_key(REVISION) && item.contains_key(SHARD));
}

#[rstest]
#[case::ping(r#"{"operation":"ping"}"#, r#""pong""#)]
#[case::echo(
    r#"{"operation":"echo","payload":{"b":1.10,"a":[ 1e5 ]}}"#,
    r#"{"b":1.10,"a":[ 1e5 ]}"#
)]
#[case::echo_of_nothing(r#"{"operation":"echo"}"#, "null")]
#[case::with_a_table_of_any_name(
    r#"{"operation":"echo","tableName":"any","payload":"x"}"#,
    r#""x""#
)]
#[tokio::test]
async fn echo_and_ping_need_no_table(
    #[case] body: &str,
    #[case] answer: &str,
    #[values("application/json", "text/plain", "application/octet-stream", "")] content_type: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let mut call = service.post("/", body).content_type(content_type);
    if content_type.is_empty() {
        call = call.without_header("content-type");
    }
    assert_eq!(call.await.expect(200).body, answer);
}

#[rstest]
#[case::not_json("operation=ping", 400, "malformed_json", "SerializationException")]
#[case::empty("", 400, "malformed_json", "SerializationException")]
#[case::no_object("[]", 400, "invalid_request", "ValidationException")]
#[case::no_operation("{}", 400, "unknown_operation", "ValueError")]
#[case::unknown(r#"{"operation":"drop"}"#, 400, "unknown_operation", "ValueError")]
#[case::no_table(
    r#"{"operation":"list","payload":{}}"#,
    400,
    "invalid_request",
    "ValidationException"
)]
#[case::other_table(
    r#"{"operation":"list","tableName":"lambda-apigateway-idempotency","payload":{}}"#,
    404,
    "table_not_found",
    "ResourceNotFoundException"
)]
#[case::other_table_in_the_payload(
    r#"{"operation":"list","tableName":"lambda-apigateway","payload":{"TableName":"other"}}"#,
    404,
    "table_not_found",
    "ResourceNotFoundException"
)]
#[tokio::test]
async fn an_unusable_envelope_is_refused(
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
    #[case] error_type: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let refused = service.post("/", body).await;
    refused.problem(status, code).original(error_type);
}

#[rstest]
#[case::unknown_argument("read", r#"{"Key":{"id":"a"},"Itme":1}"#, "Itme")]
#[case::missing_argument("read", "{}", "Key")]
#[case::wrong_type("read", r#"{"Key":"a"}"#, "Key")]
#[case::empty_key("create", r#"{"Item":{"id":""}}"#, "")]
#[case::no_key("create", r#"{"Item":{"n":1}}"#, "")]
#[case::number_of_39_digits(
    "create",
    r#"{"Item":{"id":"x","n":123456789012345678901234567890123456789}}"#,
    "38"
)]
#[case::number_too_large("create", r#"{"Item":{"id":"x","n":1e400}}"#, "")]
#[case::bad_expression("update", r#"{"Key":{"id":"a"},"UpdateExpression":"SET n = "}"#, "")]
#[case::two_sections(
    "update",
    r#"{"Key":{"id":"a"},"UpdateExpression":"SET n = :n SET m = :n","ExpressionAttributeValues":{":n":1}}"#,
    ""
)]
#[case::nothing_behind_a_dot("update", r#"{"Key":{"id":"a"},"UpdateExpression":"SET n."}"#, "")]
#[case::an_open_bracket("update", r#"{"Key":{"id":"a"},"UpdateExpression":"REMOVE l[0"}"#, "")]
#[case::one_condition_with_an_operator(
    "delete",
    r#"{"Key":{"id":"a"},"Expected":{"price":{"Value":78.89}},"ConditionalOperator":"OR"}"#,
    "two or more"
)]
#[case::members_of_two_types(
    "delete",
    r#"{"Key":{"id":"a"},"Expected":{"price":{"ComparisonOperator":"IN","AttributeValueList":[78.89,"x"]}}}"#,
    "same type"
)]
#[case::members_that_can_not_be_compared(
    "delete",
    r#"{"Key":{"id":"a"},"Expected":{"price":{"ComparisonOperator":"IN","AttributeValueList":[null]}}}"#,
    "IN"
)]
#[case::both_forms(
    "delete",
    r#"{"Key":{"id":"a"},"Expected":{},"ConditionExpression":"attribute_exists(id)"}"#,
    "both"
)]
#[case::no_attributes_to_get("list", r#"{"AttributesToGet":[]}"#, "AttributesToGet")]
#[case::number_as_product("create", r#"{"Item":{"id":"x","product":5}}"#, "product")]
#[case::empty_date("create", r#"{"Item":{"id":"x","order_date":""}}"#, "order_date")]
#[tokio::test]
async fn what_dynamodb_calls_invalid_is_refused(
    #[case] operation: &str,
    #[case] payload: &str,
    #[case] named: &str,
) {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let before = service.items().await;
    let refused = service
        .envelope(operation, payload)
        .await
        .problem(400, "invalid_request")
        .original("ValidationException");
    assert!(refused.detail().contains(named), "{refused:#?}");
    assert_eq!(service.items().await, before);
}

/// Bookkeeping can be named nowhere; what only looks like it, anywhere.
#[rstest]
#[case("create", r#"{"Item":{"id":"x","_rev":"mine"}}"#)]
#[case(
    "create",
    r#"{"Item":{"id":"x"},"ConditionExpression":"attribute_exists(_rev)"}"#
)]
#[case(
    "create",
    r#"{"Item":{"id":"x"},"Expected":{"_shard":{"Exists":false}}}"#
)]
#[case("read", r#"{"Key":{"id":"a"},"ProjectionExpression":"id, _rev"}"#)]
#[case(
    "read",
    r##"{"Key":{"id":"a"},"ProjectionExpression":"#r","ExpressionAttributeNames":{"#r":"_rev"}}"##
)]
#[case("read", r#"{"Key":{"id":"a"},"AttributesToGet":["_shard"]}"#)]
#[case("read", r#"{"Key":{"id":"a","_rev":"x"}}"#)]
#[case("update", r#"{"Key":{"id":"a"},"UpdateExpression":"REMOVE _rev"}"#)]
#[case("update", r#"{"Key":{"id":"a"},"UpdateExpression":"SET n = _shard"}"#)]
#[case(
    "update",
    r#"{"Key":{"id":"a"},"AttributeUpdates":{"_rev":{"Action":"DELETE"}}}"#
)]
#[case("delete", r#"{"Key":{"id":"a"},"ConditionExpression":"size(_rev) > :n","ExpressionAttributeValues":{":n":1}}"#)]
#[case(
    "list",
    r#"{"FilterExpression":"_shard = :s","ExpressionAttributeValues":{":s":"0"}}"#
)]
#[case("list", r#"{"ScanFilter":{"_rev":{"ComparisonOperator":"NOT_NULL"}}}"#)]
#[case("list", r#"{"ExclusiveStartKey":{"id":"a","_shard":"0"}}"#)]
#[case("list", r#"{"IndexName":"_shard-order_date-index"}"#)]
#[tokio::test]
async fn bookkeeping_can_not_be_named(
    #[case] operation: &str,
    #[case] payload: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let before = service.items().await;
    service
        .envelope(operation, payload)
        .await
        .problem(400, "invalid_request")
        .original("ValidationException");
    assert_eq!(service.items().await, before);
}

#[rstest]
#[tokio::test]
async fn a_clients_own_nested_names_are_free(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let created = r#"{"Item":{"id":"a","meta":{"_rev":"mine","_shard":[1]},"_revision":1}}"#;
    service.envelope("create", created).await.expect(200);
    let update = r#"{"Key":{"id":"a"},"UpdateExpression":"SET meta._rev = :v","ExpressionAttributeValues":{":v":"new"},"ReturnValues":"ALL_NEW"}"#;
    let updated = service.envelope("update", update).await.expect(200);
    let attributes =
        r#"{"Attributes":{"id":"a","_revision":1,"meta":{"_rev":"new","_shard":[1]}},"#;
    assert!(updated.body.starts_with(attributes), "{updated:#?}");
}

/// The old values that a client asks for are those of its own attributes.
#[rstest]
#[case("NONE", None)]
#[case("ALL_OLD", Some(r#"{"id":"a","n":1}"#))]
#[case("UPDATED_OLD", Some(r#"{"n":1}"#))]
#[case("ALL_NEW", Some(r#"{"id":"a","m":5,"n":2}"#))]
#[case("UPDATED_NEW", Some(r#"{"m":5,"n":2}"#))]
#[tokio::test]
async fn return_values_show_no_bookkeeping(
    #[case] return_values: &str,
    #[case] attributes: Option<&str>,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    service
        .envelope("create", r#"{"Item":{"id":"a","n":1}}"#)
        .await
        .expect(200);
    let payload = format!(
        r#"{{"Key":{{"id":"a"}},"UpdateExpression":"SET n = n + :one, m = :m","ExpressionAttributeValues":{{":one":1,":m":5}},"ReturnValues":"{return_values}"}}"#
    );
    let updated = service.envelope("update", &payload).await.expect(200);
    let start = match attributes {
        Some(attributes) => format!(r#"{{"Attributes":{attributes},"ResponseMetadata":"#),
        None => r#"{"ResponseMetadata":"#.to_owned(),
    };
    assert!(updated.body.starts_with(&start), "{updated:#?}");
}

#[rstest]
#[tokio::test]
async fn an_update_that_makes_an_item_makes_it_complete(
    #[values(
        r#""UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":1}"#,
        r#""UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":1}"#,
        r#""AttributeUpdates":{"n":{"Value":1}}"#,
        r#""ReturnValues":"NONE""#
    )]
    update: &str,
) {
    let service = Service::start(Local).await;
    let payload = format!(r#"{{"Key":{{"id":"new"}},{update}}}"#);
    service.envelope("update", &payload).await.expect(200);
    let item = service.item("new").await;
    assert!(
        item.contains_key(REVISION) && item.contains_key(SHARD),
        "{item:?}"
    );
    // It has a tag to be replaced by.
    let tag = service.get("/orders/new").await.expect(200).etag();
    service
        .delete("/orders/new")
        .if_match(&tag)
        .await
        .expect(204);
}

#[rstest]
#[tokio::test]
async fn an_older_update_of_deletes_alone_makes_no_item(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let payload = r#"{"Key":{"id":"none"},"AttributeUpdates":{"n":{"Action":"DELETE"}}}"#;
    service.envelope("update", payload).await.expect(200);
    assert!(service.items().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn a_failed_condition_is_a_conflict(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service
        .envelope("create", r#"{"Item":{"id":"a","n":1}}"#)
        .await
        .expect(200);
    let condition =
        r#""ConditionExpression":"n = :n OR n > :n","ExpressionAttributeValues":{":n":5}"#;
    for (operation, arguments) in [
        ("create", r#""Item":{"id":"a"}"#),
        ("update", r#""Key":{"id":"a"}"#),
        ("delete", r#""Key":{"id":"a"}"#),
    ] {
        let payload = |more: &str| format!("{{{arguments},{condition}{more}}}");
        let refused = service
            .envelope(operation, &payload(""))
            .await
            .problem(409, "condition_failed")
            .original("ConditionalCheckFailedException");
        assert_eq!(refused.answer.find_header("retry-after"), None);
        assert!(refused.json.get("Item").is_none());
        let asked = payload(r#","ReturnValuesOnConditionCheckFailure":"ALL_OLD""#);
        let refused = service
            .envelope(operation, &asked)
            .await
            .problem(409, "condition_failed");
        assert!(
            refused.answer.body.contains(r#""Item":{"id":"a","n":1}"#),
            "{refused:#?}"
        );
    }
    assert_eq!(service.item("a").await["n"], number("1"));
}

#[rstest]
#[tokio::test]
async fn a_scan_goes_on_where_it_stopped(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    for n in 0..5 {
        let payload = format!(r#"{{"Item":{{"id":"order-{n}","n":{n}}}}}"#);
        service.envelope("create", &payload).await.expect(200);
    }
    let (mut ids, mut start) = (Vec::new(), String::new());
    loop {
        let payload = format!(r#"{{"Limit":2{start}}}"#);
        let page = service.envelope("list", &payload).await.expect(200).json();
        for item in page["Items"].as_array().unwrap() {
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
        let Some(key) = page.get("LastEvaluatedKey") else {
            break;
        };
        start = format!(r#","ExclusiveStartKey":{key}"#);
    }
    ids.sort();
    assert_eq!(ids, ["order-0", "order-1", "order-2", "order-3", "order-4"]);
    let counted = service.envelope("list", r#"{"Select":"COUNT"}"#).await;
    assert!(
        counted
            .expect(200)
            .body
            .starts_with(r#"{"Count":5,"ScannedCount":5,"#)
    );
}

#[rstest]
#[tokio::test]
async fn sets_and_binary_are_readable(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let tags = Ss(vec!["b".to_owned(), "a".to_owned()]);
    let foreign = item([("id", text("a")), ("tags", tags), ("n", number("1e-130"))]);
    service.put_item(foreign).await;
    let read = service
        .envelope("read", r#"{"Key":{"id":"a"}}"#)
        .await
        .expect(200);
    let tiny = format!("0.{}1", "0".repeat(129));
    let start = format!(r#"{{"Item":{{"id":"a","n":{tiny},"tags":["a","b"]}},"#);
    assert!(read.body.starts_with(&start), "{read:#?}");
}

/// What the older form can do and an expression's ADD can't.
#[rstest]
#[case::to_a_list(r#"{"id":"a","l":[1]}"#, r#"[1,"x"]"#)]
#[case::to_nothing(r#"{"id":"a"}"#, r#"["x"]"#)]
#[tokio::test]
async fn the_older_add_appends_to_a_list(#[case] item: &str, #[case] list: &str) {
    let service = Service::start(Local).await;
    let payload = format!(r#"{{"Item":{item}}}"#);
    service.envelope("create", &payload).await.expect(200);
    let payload = r#"{"Key":{"id":"a"},"AttributeUpdates":{"l":{"Action":"ADD","Value":["x"]}},"ReturnValues":"ALL_NEW"}"#;
    let updated = service.envelope("update", payload).await.expect(200);
    let start = format!(r#"{{"Attributes":{{"id":"a","l":{list}}},"#);
    assert!(updated.body.starts_with(&start), "{updated:#?}");
}

/// An assignment is no operator, and neither is the AND of a BETWEEN.
#[tokio::test]
async fn what_still_fits_is_taken() {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let sets: Vec<_> = (0..299).map(|n| format!("a{n}=:v")).collect();
    let payload = format!(
        r#"{{"Key":{{"id":"a"}},"UpdateExpression":"SET {}","ExpressionAttributeValues":{{":v":1}}}}"#,
        sets.join(",")
    );
    service.envelope("update", &payload).await.expect(200);
    let between = vec!["a1 BETWEEN :v AND :v"; 100].join(" AND ");
    let payload = format!(
        r#"{{"Key":{{"id":"a"}},"ConditionExpression":"{between}","ExpressionAttributeValues":{{":v":1}}}}"#
    );
    service.envelope("delete", &payload).await.expect(200);
}

/// 400 before 404.
#[tokio::test]
async fn what_is_wrong_with_the_arguments_is_said_before_the_table() {
    let service = Service::start(Local).await;
    for (operation, payload) in [
        ("read", r#"{"Key":{"id":"a"},"Foo":1}"#),
        ("create", "{}"),
        ("update", r#"{"Key":5}"#),
        ("delete", r#"{"Key":{"_rev":"a"}}"#),
        ("list", r#"{"Limit":"x"}"#),
    ] {
        let body =
            format!(r#"{{"operation":"{operation}","tableName":"other","payload":{payload}}}"#);
        service
            .post("/", body)
            .await
            .problem(400, "invalid_request");
    }
}

/// 4 KB for an expression, ours included: one byte more than fits is said, and not sent.
#[tokio::test]
async fn an_expression_that_no_longer_fits_is_refused() {
    let service = Service::start(Local).await;
    let update = |names: usize| {
        let sets: Vec<_> = (0..names)
            .map(|n| format!("attribute{n:03} = :n"))
            .collect();
        format!(
            r#"{{"Key":{{"id":"a"}},"UpdateExpression":"SET {}","ExpressionAttributeValues":{{":n":1}}}}"#,
            sets.join(", ")
        )
    };
    service.envelope("update", &update(200)).await.expect(200);
    let refused = service.envelope("update", &update(250)).await;
    refused
        .problem(400, "invalid_request")
        .original("ValidationException");
}

#[rstest]
#[case::item(409_600 + 1, 413)]
#[tokio::test]
async fn an_item_that_is_too_large_is_named_as_the_original_did(
    #[case] bytes: usize,
    #[case] status: u16,
) {
    let service = Service::start(Local).await;
    let payload = format!(r#"{{"Item":{{"id":"a","pad":"{}"}}}}"#, "x".repeat(bytes));
    let refused = service.envelope("create", &payload).await;
    refused
        .problem(status, "payload_too_large")
        .original("ValidationException");
    let body = " ".repeat(1_048_577);
    let refused = service.post("/", body).await;
    refused
        .problem(413, "payload_too_large")
        .original("ValidationException");
}

/// A logical name stands for whatever table the deployment maps it to.
#[rstest]
#[tokio::test]
async fn a_table_is_known_by_its_logical_name(#[values(Local, Lambda)] backend: Backend) {
    let mut config = Config::for_table("prod-orders");
    config.envelope_tables = BTreeMap::from([
        ("lambda-apigateway".to_owned(), "prod-orders".to_owned()),
        ("orders".to_owned(), "prod-orders".to_owned()),
    ]);
    let options = Options {
        config,
        ..Options::default()
    };
    let service = Service::start_with(backend, options).await;
    service
        .envelope("create", r#"{"Item":{"id":"a"}}"#)
        .await
        .expect(200);
    let body = r#"{"operation":"list","tableName":"ignored","payload":{"TableName":"orders","ReturnConsumedCapacity":"TOTAL"}}"#;
    let listed = service.post("/", body).await.expect(200).json();
    assert_eq!(listed["Count"], 1);
    assert_eq!(listed["ConsumedCapacity"]["TableName"], "orders");
    let refused = service.post(
        "/",
        r#"{"operation":"list","tableName":"prod-orders","payload":{}}"#,
    );
    refused.await.problem(404, "table_not_found");
}

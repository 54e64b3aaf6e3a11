//! The functions' binaries themselves: what they make of their environment and of API Gateway's events, beyond what
//! every other test asks of them.

use std::sync::{Arc, Mutex};

use rstest::rstest;
use serde_json::{Value, json};
use tests::Backend::Lambda;
use tests::functions::Environment;
use tests::{JACKET, Service};

/// Each function answers, from create to delete.
#[tokio::test]
async fn every_function_answers() {
    let service = Service::start(Lambda).await;
    service.get("/ping").await.expect(200);
    service.post("/echo", "[1.10]").await.expect(200);
    service.post("/orders", JACKET).await.expect(201);
    let id = "/orders/1234ABCG";
    assert_eq!(service.get(id).await.expect(200).body, JACKET);
    service.put(id, JACKET).await.expect(200);
    service.patch(id, r#"{"price":1}"#).await.expect(200);
    service.get("/orders").await.expect(200);
    service.envelope("list", "{}").await.expect(200);
    service.delete(id).await.expect(204);
}

/// Logs are lines of JSON, and the request's has the id that the client has.
#[tokio::test]
async fn a_request_is_one_log_line_with_its_id() {
    let service = Service::start(Lambda).await;
    let answer = service.get("/orders/none").await.expect(404);
    let id = answer.header("x-request-id").to_owned();
    let lines: Vec<Value> = loop {
        let lines = service.functions().logs();
        let lines: Vec<_> = lines.iter().filter(|line| line.contains(&id)).collect();
        if !lines.is_empty() {
            let read = |line: &&String| serde_json::from_str(line).unwrap();
            break lines.iter().map(read).collect();
        }
        tokio::task::yield_now().await;
    };
    let [line] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["status"], 404);
    assert_eq!(line["code"], "not_found");
    assert_eq!(line["method"], "GET");
}

/// A value that can't be used stops a function at its start, and is named.
#[rstest]
#[case("TABLE_NAME", "a b")]
#[case("IDEMPOTENCY_TABLE_NAME", "x")]
#[case("ENVELOPE_TABLES", "no-table")]
#[tokio::test]
async fn an_unusable_environment_is_named(#[case] name: &str, #[case] value: &str) {
    let logs = Arc::new(Mutex::new(Vec::new()));
    let variables = [
        ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
        (name.to_owned(), value.to_owned()),
    ];
    let mut environment = Environment::start("get-order", &variables, &logs);
    assert!(!environment.wait().await, "it starts");
    let logs = logs.lock().unwrap().join("\n");
    assert!(logs.contains(name), "{logs}");
}

fn event(changes: Value) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "GET /orders/{id}",
        "rawPath": "/orders/1234ABCG",
        "rawQueryString": "",
        "headers": {"host": "api.example.com"},
        "pathParameters": {"id": "1234ABCG"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "api.example.com",
            "http": {"method": "GET", "path": "/orders/1234ABCG", "protocol": "HTTP/1.1"},
            "requestId": "gateway-request-id",
            "stage": "$default",
            "timeEpoch": 1_730_716_200_000_u64,
        },
        "isBase64Encoded": false,
    });
    let (Value::Object(members), Value::Object(changes)) = (&mut event, changes) else {
        unreachable!("both are objects")
    };
    members.extend(changes);
    event
}

/// The path that the gateway gives is decoded, belongs to a stage or to a domain's mapping: the route and its
/// parameters say what is meant.
#[rstest]
#[case::decoded(json!({"rawPath": "/orders/a#b?c"}))]
#[case::of_a_mapping(json!({"rawPath": "/v1/shop/orders/1234ABCG"}))]
#[case::of_a_stage(json!({"rawPath": "/prod/orders/1234ABCG", "requestContext": {
    "domainName": "api.example.com", "http": {"method": "GET", "path": "/prod/orders/1234ABCG"}, "stage": "prod"}}))]
#[case::with_an_odd_host(json!({"headers": {"host": "a b"}}))]
#[case::with_an_odd_domain(json!({"requestContext": {
    "domainName": "a b:c", "http": {"method": "GET", "path": "/"}, "stage": "$default"}}))]
#[case::with_a_header_beyond_ascii(json!({"headers": {"x-name": "Jürg\u{1}"}}))]
#[case::with_an_odd_query(json!({"rawQueryString": "a b#\"<ä>"}))]
#[tokio::test]
async fn an_event_goes_to_its_route(#[case] changes: Value) {
    let service = Service::start(Lambda).await;
    service.post("/orders", JACKET).await.expect(201);
    let event = event(changes);
    let answer = service.functions().invoke_with("get-order", &event);
    let answer = answer.await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["body"], JACKET);
}

/// Keys are per caller: a JWT's subject, or an IAM principal.
#[tokio::test]
async fn an_idempotency_key_belongs_to_its_caller() {
    let service = Service::start(Lambda).await;
    let create = |authorizer: Value| {
        event(json!({
            "routeKey": "POST /orders",
            "rawPath": "/orders",
            "headers": {"content-type": "application/json", "idempotency-key": "key"},
            "pathParameters": {},
            "body": r#"{"product":"Scarf","price":5}"#,
            "requestContext": {
                "http": {"method": "POST", "path": "/orders"},
                "stage": "$default",
                "authorizer": authorizer,
            },
        }))
    };
    let jwt = |issuer: &str, subject: &str| json!({"jwt": {"claims": {"iss": issuer, "sub": subject}, "scopes": ["orders"]}});
    let iam = json!({"iam": {"accessKey": "AKIA", "accountId": "1", "callerId": "caller",
        "cognitoIdentity": null, "principalOrgId": "o", "userArn": "arn:aws:iam::1:user/alice", "userId": "alice"}});
    let callers = [
        jwt("https://one.example", "alice"),
        jwt("https://one.example", "bob"),
        jwt("https://two.example", "alice"),
        iam,
    ];
    for (earlier, caller) in callers.iter().enumerate() {
        let event = create(caller.clone());
        let first = service
            .functions()
            .invoke_with("create-order", &event)
            .await;
        let first = first.unwrap();
        assert_eq!(first["statusCode"], 201, "{first}");
        assert_eq!(first["headers"].get("idempotency-replayed"), None);
        assert_eq!(service.items().await.len(), earlier + 1);
        let again = service
            .functions()
            .invoke_with("create-order", &event)
            .await;
        assert_eq!(again.unwrap()["headers"]["idempotency-replayed"], "true");
    }
}

/// One environment serves one request after the other, whatever the last one was.
#[tokio::test]
async fn an_environment_outlives_bad_requests() {
    let service = Service::start(Lambda).await;
    for _ in 0..3 {
        service.post("/orders", "{").await.expect(400);
        service
            .post("/orders", "x".repeat(2_000_000))
            .await
            .expect(413);
        service.post("/orders", "{}").await.expect(422);
    }
    service.post("/orders", JACKET).await.expect(201);
}

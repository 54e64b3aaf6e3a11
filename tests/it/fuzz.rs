//! Whatever a client sends: never a 5xx, never a value changed without a word.

use std::future::IntoFuture;
use std::time::Duration;

use common::json::Json;
use proptest::prelude::*;
use tests::Backend::Local;
use tests::{Service, cases, run};

/// JSON texts with everything that parsers trip over.
fn json() -> impl Strategy<Value = String> {
    let scalars = [
        "null",
        "true",
        "0",
        "-0",
        "1.10",
        "1e400",
        "1E-400",
        "-1e125",
        "1e-130",
        "12345678901234567890123456789012345678",
        "123456789012345678901234567890123456789",
        "0.1e1",
        "00",
        "1.",
        "\"\"",
        "\"x\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\u0000\"",
        "\"ü\"",
    ];
    let leaf = prop::sample::select(scalars.map(str::to_owned).to_vec());
    let name = prop::sample::select(vec![
        "a",
        "b",
        "",
        "_rev",
        "\\u0061",
        "id",
        "price",
        "order_date",
        "product",
    ]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|elements| format!("[{}]", elements.join(","))),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// An order with any members besides.
fn order() -> impl Strategy<Value = String> {
    (
        json(),
        json(),
        prop::sample::select(vec![
            "78.89",
            "-0",
            "1e2",
            "0.00001",
            "\"1\"",
            "9999999999.9999",
        ]),
    )
        .prop_map(|(one, other, price)| {
            format!(r#"{{"product":"p","price":{price},"x":{one},"y":{other}}}"#)
        })
}

fn envelope() -> impl Strategy<Value = String> {
    let operation = prop::sample::select(vec![
        "create", "read", "update", "delete", "list", "echo", "ping", "x",
    ]);
    let argument = prop::sample::select(vec![
        "Item",
        "Key",
        "Expected",
        "AttributeUpdates",
        "UpdateExpression",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValues",
        "Limit",
        "Select",
        "ScanFilter",
        "AttributesToGet",
        "ExclusiveStartKey",
        "ConditionalOperator",
        "Segment",
        "TotalSegments",
        "IndexName",
        "ProjectionExpression",
        "FilterExpression",
        "ReturnConsumedCapacity",
        "ConsistentRead",
        "Unknown",
    ]);
    let plausible = prop::sample::select(vec![
        r#"{"id":"a"}"#,
        r#"{"id":"a","n":1}"#,
        r#""SET n = :v""#,
        r#""n = :v""#,
        r#"{":v":1}"#,
        r##"{"#n":"n"}"##,
        r#""ALL_NEW""#,
        r#""ALL_OLD""#,
        r#"{"n":{"Value":1}}"#,
        r#"{"n":{"ComparisonOperator":"NOT_NULL"}}"#,
        "1",
        r#"["id"]"#,
        r#""AND""#,
        r#""COUNT""#,
        r#""TOTAL""#,
        "true",
        r#""product-order_date-index""#,
    ]);
    let value = prop_oneof![3 => plausible.prop_map(str::to_owned), 1 => json()];
    (operation, prop::collection::vec((argument, value), 0..5)).prop_map(
        |(operation, arguments)| {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            format!(
                r#"{{"operation":"{operation}","tableName":"lambda-apigateway","payload":{{{}}}}}"#,
                arguments.join(",")
            )
        },
    )
}

/// A text with some of its bytes changed.
fn mutated(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (text, prop::collection::vec(change, 0..3)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// The JSON as one text for all texts of the same, without these members.
fn canonical(text: &[u8], without: &[&str]) -> Vec<u8> {
    let Ok(Json::Object(mut members)) = Json::parse(text) else {
        panic!("{}", String::from_utf8_lossy(text))
    };
    for name in without {
        members.remove(*name);
    }
    let mut canonical = Vec::new();
    Json::Object(members).write_canonical(&mut canonical);
    canonical
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn an_order_is_kept_exactly_or_refused(bodies in prop::collection::vec(mutated(order()), 40)) {
        run(async {
            let service = Service::start(Local).await;
            for body in bodies {
                let shown = String::from_utf8_lossy(&body).into_owned();
                let answer = service.post("/orders", body.clone()).await;
                assert!(answer.status < 500, "{shown} {answer:#?}");
                if answer.status != 201 {
                    continue;
                }
                let made = ["id", "order_date"];
                let sent = canonical(&body, &made);
                assert_eq!(canonical(answer.body.as_bytes(), &made), sent, "{shown}");
                let read = service.get(answer.header("location")).await.expect(200);
                assert_eq!(read.body, answer.body);
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                let payload = format!(r#"{{"Key":{{"id":"{id}"}}}}"#);
                let through = service.envelope("read", &payload).await.expect(200);
                assert!(through.body.starts_with(&format!("{{\"Item\":{}", answer.body)));
            }
        });
    }

    #[test]
    fn a_patch_is_made_or_refused(bodies in prop::collection::vec(mutated(json()), 40)) {
        run(async {
            let service = Service::start(Local).await;
            service.post("/orders", tests::order("a", "")).await.expect(201);
            for body in bodies {
                let shown = String::from_utf8_lossy(&body).into_owned();
                let before = service.get("/orders/a").await.expect(200);
                let answer = service.patch("/orders/a", body).await;
                assert!(answer.status < 500, "{shown} {answer:#?}");
                let after = service.get("/orders/a").await.expect(200);
                let expected = if answer.status == 200 { &answer } else { &before };
                assert_eq!((&after.body, after.etag()), (&expected.body, expected.etag()), "{shown}");
            }
        });
    }

    #[test]
    fn an_envelope_is_answered(bodies in prop::collection::vec(mutated(envelope()), 80)) {
        run(async {
            let service = Service::start(Local).await;
            for body in bodies {
                let shown = String::from_utf8_lossy(&body).into_owned();
                let answer = service.post("/", body).await;
                assert!(answer.status < 500, "{shown} {answer:#?}");
                if answer.status != 200 {
                    assert!(answer.json()["errorType"].is_string(), "{shown} {answer:#?}");
                }
                assert!(!answer.body.contains("_shard\":"), "{shown} {answer:#?}");
            }
        });
    }

    #[test]
    fn any_bytes_are_answered(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 40)) {
        run(async {
            let service = Service::start(Local).await;
            for body in bodies {
                for call in [service.post("/", body.clone()), service.post("/orders", body.clone()), service.post("/echo", body.clone()), service.put("/orders/a", body.clone())] {
                    let answer = call.await;
                    assert!(answer.status < 500, "{body:?} {answer:#?}");
                }
            }
        });
    }

    #[test]
    fn any_cursor_is_a_page_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9_=%+-]{0,3}"), 1..30)) {
        run(async {
            let service = Service::start(Local).await;
            for n in 0..3 {
                service.post("/orders", tests::order(&format!("order-{n}"), "")).await.expect(201);
            }
            for query in ["", "&sort=order_date", "&product=Beautiful%20Jacket"] {
                let page = service.get(&format!("/orders?limit=1{query}")).await.expect(200);
                let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
                for (at, text) in &changes {
                    let mut changed = cursor.clone();
                    let at = at.index(changed.len());
                    changed.replace_range(at..=at, text);
                    let answer = service.get(&format!("/orders?limit=1{query}&cursor={changed}")).await;
                    let expected = if changed == cursor { 200 } else { 400 };
                    assert_eq!(answer.status, expected, "{changed} {answer:#?}");
                }
            }
        });
    }
}

/// A body that is slow to look through is bounded by its size, not by its shape.
#[tokio::test]
async fn no_body_of_1_mb_takes_long() {
    let service = Service::start(Local).await;
    let name = "n".repeat(500_000);
    let bodies = [
        format!(
            r#"{{"product":"p","price":1,"{name}":[{}]}}"#,
            vec!["0"; 250_000].join(",")
        ),
        format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)),
        format!("{}1{}", "{\"a\":".repeat(170_000), "}".repeat(170_000)),
        format!("[{}]", vec!["{}"; 340_000].join(",")),
        format!("\"{}\"", "\\u0000".repeat(170_000)),
        format!("0.{}", "0".repeat(1_000_000)),
        "9".repeat(1_000_000),
    ];
    for body in bodies {
        for call in [
            service.post("/orders", body.clone()),
            service.post("/echo", body.clone()),
            service.post("/", body.clone()),
        ] {
            let answer = tokio::time::timeout(Duration::from_mins(1), call.into_future()).await;
            let answer = answer.expect("it takes too long");
            assert!(answer.status < 500, "{} {}", &body[..40], answer.status);
        }
    }
}

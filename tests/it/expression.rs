//! A client's expressions keep their meaning with the service's clauses added: the same update, made through the
//! envelope and straight at the engine, on equal items, does the same or is refused alike.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::AttributeValue::{L, M, Ss};
use common::item::{Item, REVISION, SHARD};
use proptest::prelude::*;
use tests::Backend::Local;
use tests::{Service, cases, item, number, run, text};

/// What an expression of this test may name; values stand for themselves in both forms.
const VALUES: [(&str, &str); 5] = [
    (":n", "2"),
    (":s", r#""x""#),
    (":l", "[1]"),
    (":m", r#"{"k":1}"#),
    (":o", "1"),
];
const NAMES: [(&str, &str); 3] = [("#a", "a"), ("#set", "set"), ("#o0", "o0")];

fn value_of(placeholder: &str) -> AttributeValue {
    match placeholder {
        ":n" => number("2"),
        ":s" => text("x"),
        ":l" => L(vec![number("1")]),
        ":m" => M(item([("k", number("1"))])),
        _ => number("1"),
    }
}

fn some_item() -> impl Strategy<Value = Item> {
    let value = || {
        prop::sample::select(vec![
            number("1"),
            text("y"),
            L(vec![number("1"), text("z")]),
            M(item([("k", number("3")), ("set", text("w"))])),
            Ss(vec!["p".to_owned(), "x".to_owned()]),
        ])
    };
    let name = prop::sample::select(vec!["a", "b", "set", "o0"]);
    prop::collection::hash_map(name, value(), 0..4).prop_map(|attributes| {
        attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

fn path() -> impl Strategy<Value = String> {
    let path = [
        "a", "b", "#a", "#set", "#o0", "a.k", "b.set", "#a.#set", "a[0]", "b[1]", "a.k[0]",
        "a [ 0 ]", "b . k",
    ];
    prop::sample::select(path.map(str::to_owned).to_vec())
}

fn operand() -> impl Strategy<Value = String> {
    let value = prop::sample::select(VALUES.map(|(name, _)| name.to_owned()).to_vec());
    prop_oneof![
        3 => value.clone(),
        1 => path(),
        1 => (path(), value.clone()).prop_map(|(path, value)| format!("if_not_exists({path}, {value})")),
        1 => (path(), value.clone()).prop_map(|(path, value)| format!("list_append({path},{value})")),
        1 => (path(), value).prop_map(|(path, value)| format!("{path} + {value}")),
    ]
}

/// `keyword action, action`, the keyword in any case.
fn section() -> impl Strategy<Value = String> {
    let any_case = |keyword: &'static str| {
        prop::sample::select(vec![
            keyword.to_owned(),
            keyword.to_lowercase(),
            format!("\t{keyword}\n"),
        ])
    };
    let list = |action: BoxedStrategy<String>| {
        prop::collection::vec(action, 1..3).prop_map(|actions| actions.join(", "))
    };
    let value = prop::sample::select(VALUES.map(|(name, _)| name.to_owned()).to_vec());
    let pair = (path(), value)
        .prop_map(|(path, value)| format!("{path} {value}"))
        .boxed();
    let set = (path(), operand()).prop_map(|(path, operand)| format!("{path} = {operand}"));
    prop_oneof![
        4 => (any_case("SET"), list(set.boxed())).prop_map(|(keyword, list)| format!("{keyword} {list}")),
        2 => (any_case("REMOVE"), list(path().boxed())).prop_map(|(keyword, list)| format!("{keyword} {list}")),
        1 => (any_case("ADD"), list(pair.clone())).prop_map(|(keyword, list)| format!("{keyword} {list}")),
        1 => (any_case("DELETE"), list(pair)).prop_map(|(keyword, list)| format!("{keyword} {list}")),
    ]
}

/// Mostly well-formed; sometimes anything that looks a little like it.
fn update() -> impl Strategy<Value = String> {
    let tokens = [
        "SET",
        "REMOVE",
        "add",
        "a",
        "#a",
        ":n",
        "=",
        ",",
        ".",
        "[",
        "]",
        "0",
        "(",
        ")",
        "+",
        "-",
        "if_not_exists",
        "&",
    ];
    let soup = prop::collection::vec(prop::sample::select(tokens.to_vec()), 1..8);
    prop_oneof![
        6 => prop::collection::vec(section(), 1..4).prop_map(|sections| sections.join(" ")),
        1 => soup.prop_map(|tokens| tokens.join(" ")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let value = || prop::sample::select(VALUES.map(|(name, _)| name.to_owned()).to_vec());
    let leaf = prop_oneof![
        (path(), value()).prop_map(|(path, value)| format!("{path} = {value}")),
        (path(), value()).prop_map(|(path, value)| format!("{path} <> {value}")),
        (path(), value()).prop_map(|(path, value)| format!("{path} BETWEEN {value} AND :n")),
        (path(), value()).prop_map(|(path, value)| format!("{path} in ({value}, :s)")),
        path().prop_map(|path| format!("attribute_exists({path})")),
        path().prop_map(|path| format!("size({path}) > :o")),
    ];
    let joined = leaf.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} AND {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} or {other}")),
            inner.clone().prop_map(|inner| format!("NOT {inner}")),
            inner.prop_map(|inner| format!("({inner})")),
        ]
    });
    prop_oneof![
        8 => joined.clone(),
        1 => joined.prop_map(|text| format!("{text}) OR (a = :n")),
        1 => Just("a = ".to_owned()),
    ]
}

/// The placeholders that stand in the expressions: one that stands in none is an error of its own.
fn used<'a, T>(all: &'a [(&'a str, T)], text: &str) -> Vec<&'a (&'a str, T)> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words: BTreeSet<&str> = text
        .split(|c: char| !is_word(c) && c != '#' && c != ':')
        .collect();
    all.iter()
        .filter(|(name, _)| words.contains(name))
        .collect()
}

/// What became of the item, or the name of the error.
type Outcome = Result<Option<Item>, String>;

async fn straight(service: &Service, update: &str, condition: Option<&str>) -> Outcome {
    let both = format!("{update} {}", condition.unwrap_or_default());
    let names: HashMap<_, _> = used(&NAMES, &both)
        .into_iter()
        .map(|(name, of)| ((*name).to_owned(), (*of).to_owned()))
        .collect();
    let values: HashMap<_, _> = used(&VALUES, &both)
        .into_iter()
        .map(|(name, _)| ((*name).to_owned(), value_of(name)))
        .collect();
    let request = service
        .dynamodb()
        .update_item()
        .table_name(&service.config.table)
        .key("id", text("straight"))
        .update_expression(update)
        .set_condition_expression(condition.map(str::to_owned))
        .set_expression_attribute_names((!names.is_empty()).then_some(names))
        .set_expression_attribute_values((!values.is_empty()).then_some(values));
    match request.send().await {
        Ok(_) => Ok(service.find_item("straight").await),
        Err(error) => Err(error.code().unwrap_or_default().to_owned()),
    }
}

async fn through(service: &Service, update: &str, condition: Option<&str>) -> Outcome {
    let both = format!("{update} {}", condition.unwrap_or_default());
    let mut members = vec![
        r#""Key":{"id":"through"}"#.to_owned(),
        format!("\"UpdateExpression\":{}", serde_json::Value::from(update)),
    ];
    if let Some(condition) = condition {
        members.push(format!(
            "\"ConditionExpression\":{}",
            serde_json::Value::from(condition)
        ));
    }
    let object = |pairs: Vec<String>| format!("{{{}}}", pairs.join(","));
    let names = used(&NAMES, &both);
    if !names.is_empty() {
        let pairs = names
            .iter()
            .map(|(name, of)| format!("\"{name}\":\"{of}\""))
            .collect();
        members.push(format!("\"ExpressionAttributeNames\":{}", object(pairs)));
    }
    let values = used(&VALUES, &both);
    if !values.is_empty() {
        let pairs = values
            .iter()
            .map(|(name, json)| format!("\"{name}\":{json}"))
            .collect();
        members.push(format!("\"ExpressionAttributeValues\":{}", object(pairs)));
    }
    let answer = service.envelope("update", &object(members)).await;
    match answer.status {
        200 => Ok(service.find_item("through").await),
        _ => Err(answer.json()["errorType"]
            .as_str()
            .unwrap_or_default()
            .to_owned()),
    }
}

/// Sets have no order.
fn comparable(outcome: Outcome) -> Result<Option<Item>, String> {
    fn sorted(value: &mut AttributeValue) {
        match value {
            Ss(members) => members.sort(),
            M(members) => members.values_mut().for_each(sorted),
            L(elements) => elements.iter_mut().for_each(sorted),
            _ => {}
        }
    }
    outcome.map(|item| {
        item.map(|mut item| {
            for name in ["id", REVISION, SHARD] {
                item.remove(name);
            }
            item.values_mut().for_each(sorted);
            item
        })
    })
}

async fn put(service: &Service, id: &str, attributes: &Item) {
    let mut item = attributes.clone();
    item.insert("id".to_owned(), text(id));
    service.put_item(item).await;
}

proptest! {
    #![proptest_config(cases(12))]
    #[test]
    fn an_update_means_the_same_with_our_clauses(
        trials in prop::collection::vec(
            (prop::option::weighted(0.9, some_item()), update(), prop::option::of(condition())),
            40,
        ),
    ) {
        run(async {
            let service = Service::start(Local).await;
            for (before, update, condition) in trials {
                for id in ["straight", "through"] {
                    match &before {
                        Some(attributes) => put(&service, id, attributes).await,
                        None => drop(service.delete(&format!("/orders/{id}")).await),
                    }
                }
                let expected = straight(&service, &update, condition.as_deref()).await;
                let found = through(&service, &update, condition.as_deref()).await;
                let is_refused = found.is_err();
                assert_eq!(comparable(found), comparable(expected), "{update} IF {condition:?} ON {before:?}");
                if is_refused {
                    let left = comparable(Ok(service.find_item("through").await)).unwrap();
                    let before = comparable(Ok(before)).unwrap();
                    assert_eq!(left, before, "what is refused changes nothing");
                } else {
                    let item = service.item("through").await;
                    assert!(item.contains_key(REVISION) && item.contains_key(SHARD));
                }
            }
        });
    }
}

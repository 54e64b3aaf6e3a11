//! The committed description of the API, the page that shows it, and what it says of itself.

use std::collections::BTreeSet;
use std::fs;

use common::problem::samples;
use serde_json::Value;
use tests::Backend::Local;
use tests::Service;

const COMMITTED: &str = include_str!("../../openapi.json");

fn description() -> Value {
    serde_json::from_str(COMMITTED).unwrap()
}

#[test]
fn the_committed_description_is_what_the_code_says() {
    assert!(
        COMMITTED == local::openapi_json(),
        "openapi.json is stale: cargo run -- openapi > openapi.json"
    );
}

#[tokio::test]
async fn local_mode_serves_the_description_and_a_page_that_shows_it() {
    let service = Service::start(Local).await;
    let served = service.get("/openapi.json").await.expect(200);
    assert_eq!(served.header("content-type"), "application/json");
    assert!(served.body == COMMITTED);
    let page = service.get("/docs/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
}

/// Folder = operation: each has one route, and each route one folder.
#[test]
fn every_function_has_a_route_and_every_route_a_function() {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    let operations: BTreeSet<String> = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let functions: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(operations, functions);
    assert_eq!(operations.len(), 9);
}

/// Every code has a place in the description, with an example; and no example is of anything else.
#[test]
fn every_code_is_described() {
    let codes: BTreeSet<String> = samples()
        .iter()
        .map(|problem| problem.status_and_code().1.to_owned())
        .collect();
    let described: BTreeSet<String> = responses()
        .iter()
        .filter_map(|(_, response)| {
            response["content"]["application/problem+json"]["examples"].as_object()
        })
        .flat_map(|examples| examples.keys().cloned())
        .collect();
    assert_eq!(described, codes);
}

/// Each error response has the status that its examples have.
#[test]
fn an_example_has_the_status_of_its_response() {
    for (status, response) in responses() {
        let content = &response["content"]["application/problem+json"];
        if content.is_null() {
            continue;
        }
        let examples = content["examples"].as_object();
        let examples = examples.unwrap_or_else(|| panic!("no example: {status} {response}"));
        for example in examples.values() {
            assert_eq!(example["value"]["status"].to_string(), status, "{response}");
        }
    }
}

fn responses() -> Vec<(String, Value)> {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .flat_map(|operation| operation["responses"].as_object().unwrap().clone())
        .collect()
}

//! What a page costs, in a small table and in a large one: requests to DynamoDB and the capacity units that it
//! reports, counted between the service and the embedded engine.
//!
//!     cargo run --release -p tests --example listing-cost [-- ORDERS ORDERS …]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints a table, or nothing"
)]

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use common::item::Item;
use common::revision::Revision;
use common::store::shard_of;
use tests::Backend::Local;
use tests::{Service, item, number, text};

const PAGE: usize = 20;
/// As many orders as one BatchWriteItem takes.
const BATCH: usize = 25;
const LISTINGS: [(&str, &str); 4] = [
    ("all, in storage order", ""),
    ("a product's, by date", "&product=Scarf"),
    ("all, by date", "&sort=-order_date"),
    (
        "all of a time, by date",
        "&from=2024-01-01T00:00:00Z&sort=order_date",
    ),
];

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .map(|size| size.parse().expect("a number of orders"))
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100, 100_000]
    } else {
        sizes
    };
    println!("| a page of {PAGE} | orders in the table | requests | capacity units |");
    println!("|---|---|---|---|");
    for size in sizes {
        let (service, proxy) = Service::start_behind_proxy(Local).await;
        fill(&service, size).await;
        for (name, query) in LISTINGS {
            proxy.take_usage();
            let first = page(&service, query, "").await;
            let cursor = first.unwrap();
            let of_first = total(&proxy.take_usage());
            page(&service, query, &cursor).await;
            let of_second = total(&proxy.take_usage());
            for (which, (requests, units)) in [("first", of_first), ("next", of_second)] {
                println!("| {name}, the {which} | {size} | {requests} | {units} |");
            }
        }
    }
}

async fn page(service: &Service, query: &str, cursor: &str) -> Option<String> {
    let cursor = if cursor.is_empty() {
        String::new()
    } else {
        format!("&cursor={cursor}")
    };
    let target = format!("/orders?limit={PAGE}{query}{cursor}");
    let page = service.get(&target).await.expect(200);
    assert_eq!(page.ids().len(), PAGE);
    page.json()["next_cursor"].as_str().map(ToOwned::to_owned)
}

fn total(usage: &std::collections::BTreeMap<String, tests::proxy::Usage>) -> (u64, f64) {
    let requests = usage.values().map(|usage| usage.requests).sum();
    (
        requests,
        usage.values().map(|usage| usage.capacity_units).sum(),
    )
}

async fn fill(service: &Service, orders: usize) {
    let numbers: Vec<usize> = (0..orders).collect();
    for batch in numbers.chunks(BATCH) {
        let put = |n: &usize| {
            let put = PutRequest::builder()
                .set_item(Some(order(*n)))
                .build()
                .unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let write = service
            .dynamodb()
            .batch_write_item()
            .request_items(&service.config.table, batch.iter().map(put).collect());
        let left = write.send().await.unwrap().unprocessed_items;
        assert!(left.unwrap_or_default().is_empty());
    }
}

/// Half of the orders are scarves. A second holds several, as it may.
fn order(n: usize) -> Item {
    let id = format!("order-{n:08}");
    let second = n / 3;
    let date = format!(
        "2024-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        1 + second / 2_419_200 % 12,
        1 + second / 86_400 % 28,
        second / 3_600 % 24,
        second / 60 % 60,
        second % 60
    );
    let product = if n.is_multiple_of(2) {
        "Scarf"
    } else {
        "Jacket"
    };
    item([
        ("id", text(&id)),
        ("product", text(product)),
        ("price", number("78.89")),
        ("order_date", text(&date)),
        ("_rev", Revision::new().to_attribute()),
        ("_shard", shard_of(&id)),
    ])
}

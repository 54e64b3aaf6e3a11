//! `GET /orders`.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Answer, Backend, Service, item, number, text};

/// An order of `product` at `date`.
fn order(id: &str, product: &str, date: &str) -> String {
    format!(r#"{{"id":"{id}","product":"{product}","price":1,"order_date":"{date}"}}"#)
}

fn date(second: usize) -> String {
    format!("2024-11-04T10:{:02}:{:02}Z", second / 60, second % 60)
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

async fn create(service: &Service, id: &str, product: &str, date: &str) {
    service
        .post("/orders", order(id, product, date))
        .await
        .expect(201);
}

/// The first page's and all following pages' orders, by `next_cursor`; no page but the last is short.
async fn all_pages(service: &Service, query: &str, limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    for _ in 0..1_000 {
        let target = format!("/orders?limit={limit}{query}{cursor}");
        let page = service.get(&target).await.expect(200);
        ids.extend(page.ids());
        let Some(next) = next_cursor(&page) else {
            assert_eq!(page.find_header("link"), None);
            return ids;
        };
        assert_eq!(page.ids().len(), limit, "{page:#?}");
        cursor = format!("&cursor={next}");
    }
    panic!("{query} has no end")
}

fn next_cursor(page: &Answer) -> Option<String> {
    page.json()["next_cursor"].as_str().map(ToOwned::to_owned)
}

fn set(ids: &[String]) -> BTreeSet<&str> {
    ids.iter().map(String::as_str).collect()
}

#[rstest]
#[tokio::test]
async fn an_empty_table_is_an_empty_list(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    for query in [
        "",
        "?product=p",
        "?sort=order_date",
        "?from=2024-01-01T00:00:00Z",
    ] {
        let page = service.get(&format!("/orders{query}")).await.expect(200);
        assert_eq!(page.body, r#"{"orders":[]}"#);
        assert_eq!(page.header("content-type"), "application/json");
    }
}

#[rstest]
#[tokio::test]
async fn every_item_is_listed_once(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    for n in 0..23 {
        create(&service, &format!("order-{n}"), "p", &date(n)).await;
    }
    for id in ["über/all", "no order"] {
        let foreign = item([
            ("id", text(id)),
            ("product", text("p")),
            ("price", text("x")),
        ]);
        service.put_item(foreign).await;
    }
    let ids = all_pages(&service, "", 4).await;
    assert_eq!((ids.len(), set(&ids).len()), (25, 25));
    let page = service.get("/orders").await.expect(200);
    assert_eq!(page.ids(), ids, "50 is the default");
    assert!(
        page.body
            .contains(r#"{"id":"über/all","product":"p","price":"x"}"#)
    );
    assert!(!page.body.contains("_rev") && !page.body.contains("_shard"));
}

#[rstest]
#[case::newest_first("", true)]
#[case::said_so("&sort=-order_date", true)]
#[case::oldest_first("&sort=order_date", false)]
#[tokio::test]
async fn a_products_orders_come_by_date(
    #[case] sort: &str,
    #[case] newest_first: bool,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    for n in 0..11 {
        create(
            &service,
            &format!("jacket-{n:02}"),
            "Blue & Co. +1",
            &date(n),
        )
        .await;
        create(&service, &format!("scarf-{n:02}"), "Scarf", &date(n)).await;
    }
    let query = format!("&product={}{sort}", encode("Blue & Co. +1"));
    let ids = all_pages(&service, &query, 3).await;
    let mut expected: Vec<_> = (0..11).map(|n| format!("jacket-{n:02}")).collect();
    if newest_first {
        expected.reverse();
    }
    assert_eq!(ids, expected);
}

#[rstest]
#[tokio::test]
async fn all_orders_come_by_date(
    #[values(("", true), ("&sort=-order_date", true), ("&sort=order_date", false))] sort: (
        &str,
        bool,
    ),
    #[values(1, 3, 7, 50)] limit: usize,
) {
    let service = Service::start(Local).await;
    for n in 0..30 {
        create(&service, &format!("order-{n:02}"), "p", &date(n)).await;
    }
    // Without a date it is in no listing by date.
    service
        .put_item(item([("id", text("undated")), ("_shard", text("0"))]))
        .await;
    let query = format!("&from=2020-01-01T00:00:00Z{}", sort.0);
    let mut expected: Vec<_> = (0..30).map(|n| format!("order-{n:02}")).collect();
    if sort.1 {
        expected.reverse();
    }
    assert_eq!(all_pages(&service, &query, limit).await, expected);
}

/// Orders of one second have an order of their own, which pages keep.
#[rstest]
#[case::by_date("&sort=order_date")]
#[case::by_date_newest_first("&sort=-order_date")]
#[case::by_product("&product=p&sort=order_date")]
#[case::by_product_newest_first("&product=p")]
#[case::in_storage_order("")]
#[tokio::test]
async fn many_orders_of_one_second_are_each_listed_once(
    #[case] query: &str,
    #[values(1, 2, 5)] limit: usize,
) {
    let service = Service::start(Local).await;
    for n in 0..40 {
        let second = usize::from(n % 4 != 0);
        create(&service, &format!("order-{n}"), "p", &date(second)).await;
    }
    let ids = all_pages(&service, query, limit).await;
    assert_eq!((ids.len(), set(&ids).len()), (40, 40));
    assert_eq!(ids, all_pages(&service, query, 100).await);
}

/// `from` is inclusive, `to` is exclusive, both are cut to the second.
#[rstest]
#[case("&from=2024-11-04T10:00:03Z", 3..10)]
#[case("&to=2024-11-04T10:00:03Z", 0..3)]
#[case("&from=2024-11-04T10:00:03Z&to=2024-11-04T10:00:07Z", 3..7)]
#[case("&from=2024-11-04T12:00:03.999%2B02:00&to=2024-11-04T10:00:07.999Z", 3..7)]
#[case("&from=2024-11-04T10:00:07Z&to=2024-11-04T10:00:03Z", 0..0)]
#[case("&from=2024-11-04T10:00:03Z&to=2024-11-04T10:00:03Z", 0..0)]
#[tokio::test]
async fn a_range_of_dates_is_listed(
    #[case] range: &str,
    #[case] expected: std::ops::Range<usize>,
    #[values("", "&product=p")] product: &str,
    #[values(true, false)] newest_first: bool,
) {
    let service = Service::start(Local).await;
    for n in 0..10 {
        create(&service, &format!("order-{n}"), "p", &date(n)).await;
    }
    let sort = if newest_first {
        "-order_date"
    } else {
        "order_date"
    };
    let query = format!("{range}{product}&sort={sort}");
    let mut expected: Vec<_> = expected.map(|n| format!("order-{n}")).collect();
    if newest_first {
        expected.reverse();
    }
    assert_eq!(all_pages(&service, &query, 2).await, expected);
}

/// Orders come and go between the pages, the one that the cursor stands at among them.
#[rstest]
#[case::by_date("&sort=order_date")]
#[case::by_date_newest_first("&sort=-order_date")]
#[case::by_product("&product=p&sort=order_date")]
#[case::by_product_newest_first("&product=p")]
#[case::in_storage_order("")]
#[tokio::test]
async fn what_is_there_throughout_is_seen_once(
    #[case] query: &str,
    #[values(true, false)] one_second: bool,
) {
    let service = Service::start(Local).await;
    let at = |n: usize| date(if one_second { 0 } else { n });
    for n in 0..30 {
        create(&service, &format!("stays-{n}"), "p", &at(n)).await;
        create(&service, &format!("goes-{n}"), "p", &at(n)).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for round in 0..200 {
        let target = format!("/orders?limit=3{query}{cursor}");
        let page = service.get(&target).await.expect(200);
        seen.extend(page.ids());
        let Some(next) = next_cursor(&page) else {
            break;
        };
        cursor = format!("&cursor={next}");
        for id in page.ids().iter().filter(|id| id.starts_with("goes")) {
            service.delete(&format!("/orders/{id}")).await.expect(204);
        }
        if round < 20 {
            create(&service, &format!("comes-{round}"), "p", &at(round + 5)).await;
        }
    }
    let stays: Vec<_> = seen.iter().filter(|id| id.starts_with("stays")).collect();
    let once: BTreeSet<_> = stays.iter().collect();
    assert_eq!((stays.len(), once.len()), (30, 30), "{seen:?}");
    assert_eq!(seen.len(), set(&seen).len(), "none twice: {seen:?}");
}

#[rstest]
#[tokio::test]
async fn the_link_leads_to_the_next_page(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    for n in 0..5 {
        create(&service, &format!("order-{n}"), "A & B", &date(n)).await;
    }
    let query = format!("product={}&limit=2&sort=order_date", encode("A & B"));
    let first = service.get(&format!("/orders?{query}")).await.expect(200);
    let link = first.header("link").to_owned();
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""))
        .unwrap();
    let second = service.get(target).await.expect(200);
    assert_eq!(second.ids(), ["order-2", "order-3"]);
}

#[rstest]
#[case("limit=0", "limit")]
#[case("limit=101", "limit")]
#[case("limit=1.5", "limit")]
#[case("limit=", "limit")]
#[case("limit=-1", "limit")]
#[case("limit=%2B5", "limit")]
#[case("limit=5&limit=5", "limit")]
#[case("sort=price", "sort")]
#[case("sort=", "sort")]
#[case("product=", "product")]
#[case("from=2024-11-04", "from")]
#[case("from=2024-11-04T10:30:00", "from")]
#[case("to=2024-11-04T10:30:00+02:00", "to")]
#[case("to=", "to")]
#[case("cursor=", "cursor")]
#[case("cursor=x", "cursor")]
#[case("product=%FF", "query")]
#[case("cursor=%C3%A4", "cursor")]
#[case("page=2", "page")]
#[case("Limit=2", "Limit")]
#[tokio::test]
async fn an_unusable_parameter_is_named(
    #[case] query: &str,
    #[case] name: &str,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let refused = service.get(&format!("/orders?{query}")).await;
    let refused = refused.problem(400, "invalid_parameter");
    assert!(refused.detail().contains(name), "{refused:#?}");
}

#[tokio::test]
async fn an_unescaped_plus_is_explained() {
    let service = Service::start(Local).await;
    let refused = service
        .get("/orders?from=2024-11-04T10:30:00+02:00")
        .await
        .problem(400, "invalid_parameter");
    assert!(refused.detail().contains("%2B"), "{refused:#?}");
}

#[tokio::test]
async fn a_cursor_belongs_to_its_listing() {
    let service = Service::start(Local).await;
    for n in 0..5 {
        create(&service, &format!("order-{n}"), "p", &date(n)).await;
    }
    let listings = [
        "",
        "&product=p",
        "&product=p&sort=order_date",
        "&sort=order_date",
        "&sort=-order_date&from=2024-11-04T10:00:00Z",
    ];
    for listing in listings {
        let page = service.get(&format!("/orders?limit=2{listing}")).await;
        let cursor = next_cursor(&page.expect(200)).unwrap();
        for other in listings {
            let answer = service
                .get(&format!("/orders?limit=1{other}&cursor={cursor}"))
                .await;
            if other == listing {
                // With another limit it goes on all the same.
                assert_eq!(answer.expect(200).ids().len(), 1);
            } else {
                answer.problem(400, "invalid_parameter");
            }
        }
        for at in [0, cursor.len() / 2, cursor.len() - 1] {
            let mut damaged = cursor.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            let refused = service.get(&format!("/orders?{listing}&cursor={damaged}"));
            refused.await.problem(400, "invalid_parameter");
        }
    }
}

/// The longest keys that the database takes make a cursor that still fits.
#[tokio::test]
async fn a_cursor_has_at_most_6_kb() {
    let service = Service::start(Local).await;
    for n in 0..3 {
        let longest = item([
            ("id", text(&format!("{}{n}", "ü".repeat(1_023)))),
            ("product", text("p")),
            ("order_date", text(&"☃".repeat(341))),
            ("_shard", text("0")),
        ]);
        service.put_item(longest).await;
    }
    for query in ["", "&product=p", "&sort=order_date"] {
        let page = service
            .get(&format!("/orders?limit=1{query}"))
            .await
            .expect(200);
        let cursor = next_cursor(&page).unwrap();
        assert!(cursor.len() <= 6 * 1_024, "{}", cursor.len());
        assert_eq!(all_pages(&service, query, 1).await.len(), 3);
    }
}

/// A page ends before it passes 4 MB, and nothing is lost by that.
#[rstest]
#[case::in_storage_order("")]
#[case::by_product("&product=p")]
#[case::by_date("&sort=order_date")]
#[tokio::test]
async fn a_page_has_at_most_4_mb(#[case] query: &str, #[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let pad = "\\\"".repeat(190_000);
    for n in 0..14 {
        let order = order(&format!("order-{n}"), "p", &date(n));
        let order = order.replace('}', &format!(",\"pad\":\"{pad}\"}}"));
        service.post("/orders", order).await.expect(201);
    }
    let (mut ids, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = service
            .get(&format!("/orders?limit=100{query}{cursor}"))
            .await;
        let page = page.expect(200);
        assert!(page.body.len() <= 4 * 1_024 * 1_024 + 100);
        ids.extend(page.ids());
        pages += 1;
        let Some(next) = next_cursor(&page) else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((ids.len(), set(&ids).len()), (14, 14));
    assert!(pages > 1);
}

/// Their `product` and `order_date` put them into the product's listing; only this service's writes or the
/// backfill put them into the listing by date.
#[rstest]
#[tokio::test]
async fn another_programs_items_are_listed(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service
        .put_item(item([
            ("id", text("foreign")),
            ("product", text("p")),
            ("order_date", text("2024-11-04T10:00:00Z")),
            ("price", number("1.50")),
        ]))
        .await;
    let expected = r#"{"orders":[{"id":"foreign","product":"p","price":1.5,"order_date":"2024-11-04T10:00:00Z"}]}"#;
    let list = async |query: &str| {
        service
            .get(&format!("/orders{query}"))
            .await
            .expect(200)
            .body
    };
    assert_eq!(list("").await, expected);
    assert_eq!(list("?product=p").await, expected);
    assert_eq!(list("?sort=order_date").await, r#"{"orders":[]}"#);
    service
        .patch("/orders/foreign", r#"{"seen":true}"#)
        .await
        .expect(200);
    assert!(list("?sort=order_date").await.contains("foreign"));
}

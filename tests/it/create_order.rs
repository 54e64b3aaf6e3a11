//! `POST /orders`.

use common::item::{REVISION, SHARD};
use rstest::rstest;
use tests::Backend::{Lambda, Local};
use tests::{Backend, JACKET, Service, number, order, text};

#[rstest]
#[tokio::test]
async fn an_order_is_created(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let created = service.post("/orders", JACKET).await.expect(201);
    assert_eq!(created.body, JACKET);
    assert_eq!(created.header("content-type"), "application/json");
    assert_eq!(created.header("location"), "/orders/1234ABCG");

    let read = service.get("/orders/1234ABCG").await.expect(200);
    assert_eq!(read.body, created.body);
    assert_eq!(read.etag(), created.etag());
}

#[tokio::test]
async fn the_stored_item_is_the_order_and_its_bookkeeping() {
    let service = Service::start(Local).await;
    let created = service.post("/orders", JACKET).await.expect(201);
    let mut item = service.item("1234ABCG").await;
    let revision = item.remove(REVISION).unwrap();
    assert_eq!(
        created.etag(),
        format!("\"{}\"", revision.as_s().unwrap()),
        "the entity tag is the revision"
    );
    assert!(item.remove(SHARD).unwrap().is_s());
    let expected = tests::item([
        ("id", text("1234ABCG")),
        ("product", text("Beautiful Jacket")),
        ("price", number("78.89")),
        ("order_date", text("2024-11-04T10:30:00Z")),
    ]);
    assert_eq!(item, expected);
}

#[rstest]
#[tokio::test]
async fn a_missing_id_and_date_are_made(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let before = service.clock.now_rfc3339();
    let created = service
        .post("/orders", r#"{"product":"Scarf","price":5}"#)
        .await
        .expect(201);
    let order = created.json();
    let (id, date) = (
        order["id"].as_str().unwrap(),
        order["order_date"].as_str().unwrap(),
    );
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUIDv7: {id}");
    assert_eq!(created.header("location"), format!("/orders/{id}"));
    assert!(
        *before <= *date && *date <= *service.clock.now_rfc3339(),
        "{date}"
    );
}

#[rstest]
#[case("2024-11-04T12:30:00.123+02:00", "2024-11-04T10:30:00Z")]
#[case("2024-11-04t10:30:00z", "2024-11-04T10:30:00Z")]
#[case("2024-11-04T00:30:00-00:00", "2024-11-04T00:30:00Z")]
#[case("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z")]
#[case("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z")]
#[tokio::test]
async fn a_date_is_kept_in_utc_to_the_second(#[case] sent: &str, #[case] kept: &str) {
    let service = Service::start(Local).await;
    let body = format!(r#"{{"id":"a","product":"Scarf","price":5,"order_date":"{sent}"}}"#);
    let created = service.post("/orders", body).await.expect(201);
    assert_eq!(created.json()["order_date"], kept);
}

#[rstest]
#[case("78.89", "78.89")]
#[case("78.90", "78.9")]
#[case("1.00000", "1")]
#[case("0", "0")]
#[case("-0", "0")]
#[case("-0.0", "0")]
#[case("0e5", "0")]
#[case("7889e-2", "78.89")]
#[case("1E3", "1000")]
#[case("9999999999.9999", "9999999999.9999")]
#[case("0.0001", "0.0001")]
#[tokio::test]
async fn a_price_is_exact(#[case] sent: &str, #[case] kept: &str) {
    let service = Service::start(Local).await;
    let body = format!(r#"{{"id":"a","product":"Scarf","price":{sent}}}"#);
    let created = service.post("/orders", body).await.expect(201);
    assert!(
        created.body.contains(&format!(r#""price":{kept},"#)),
        "{created:#?}"
    );
    assert_eq!(service.item("a").await["price"], number(kept));
}

#[rstest]
#[tokio::test]
async fn any_other_attribute_is_kept_and_sorted(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let sent = r#""z":[1.10,{"b":null,"a":[]},""],"a":{"y":{},"x":true},"big":12345678901234567890123456789012345678,"tiny":1e-130,"ä":"☃ \u0000 \"\\"#;
    let kept = r#""a":{"x":true,"y":{}},"big":12345678901234567890123456789012345678,"tiny":0.0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001,"z":[1.1,{"a":[],"b":null},""],"ä":"☃ \u0000 \"\\"#;
    let created = service
        .post("/orders", order("a", &format!("{sent}\"")))
        .await
        .expect(201);
    assert_eq!(created.body, order("a", &format!("{kept}\"")));
    let read = service.get("/orders/a").await.expect(200);
    assert_eq!(read.body, created.body);
}

#[rstest]
#[tokio::test]
async fn an_id_that_is_taken_is_a_conflict(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let refused = service
        .post("/orders", order("a", r#""other":1"#))
        .await
        .problem(409, "already_exists");
    assert_eq!(refused.answer.find_header("retry-after"), None);
    assert_eq!(
        service.get("/orders/a").await.expect(200).body,
        order("a", "")
    );
}

#[rstest]
#[tokio::test]
async fn all_violations_are_listed(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let body = r#"{"id":"a b","product":" ","price":"78.89","order_date":"yesterday","_rev":1,"_shard":"x","deep":{"n":1e400,"":1}}"#;
    let refused = service
        .post("/orders", body)
        .await
        .problem(422, "validation_failed");
    assert_eq!(
        refused.pointers(),
        [
            "/_rev",
            "/_shard",
            "/deep/",
            "/deep/n",
            "/id",
            "/order_date",
            "/price",
            "/product"
        ]
    );
    assert!(service.items().await.is_empty());
}

#[rstest]
#[case::no_product(r#"{"price":1}"#, "/product")]
#[case::no_price(r#"{"product":"p"}"#, "/price")]
#[case::null_id(r#"{"id":null,"product":"p","price":1}"#, "/id")]
#[case::null_date(r#"{"order_date":null,"product":"p","price":1}"#, "/order_date")]
#[case::empty_id(r#"{"id":"","product":"p","price":1}"#, "/id")]
#[case::dot_id(r#"{"id":"..","product":"p","price":1}"#, "/id")]
#[case::slash_in_id(r#"{"id":"a/b","product":"p","price":1}"#, "/id")]
#[case::letter_beyond_ascii(r#"{"id":"ä","product":"p","price":1}"#, "/id")]
#[case::number_id(r#"{"id":5,"product":"p","price":1}"#, "/id")]
#[case::blank_product(r#"{"product":"\u00a0\u2003","price":1}"#, "/product")]
#[case::control_character(r#"{"product":"a\u0085b","price":1}"#, "/product")]
#[case::price_below_0(r#"{"product":"p","price":-0.01}"#, "/price")]
#[case::price_too_high(r#"{"product":"p","price":10000000000}"#, "/price")]
#[case::price_too_fine(r#"{"product":"p","price":0.00001}"#, "/price")]
#[case::price_of_39_digits(
    r#"{"product":"p","price":1.00000000000000000000000000000000000001}"#,
    "/price"
)]
#[case::price_beyond_any(r#"{"product":"p","price":1e400}"#, "/price")]
#[case::price_text(r#"{"product":"p","price":"1"}"#, "/price")]
#[case::no_offset(
    r#"{"product":"p","price":1,"order_date":"2024-11-04T10:30:00"}"#,
    "/order_date"
)]
#[case::leap_second(
    r#"{"product":"p","price":1,"order_date":"2016-12-31T23:59:60Z"}"#,
    "/order_date"
)]
#[case::hour_24(
    r#"{"product":"p","price":1,"order_date":"2024-11-04T24:00:00Z"}"#,
    "/order_date"
)]
#[case::no_such_day(
    r#"{"product":"p","price":1,"order_date":"2023-02-29T10:30:00Z"}"#,
    "/order_date"
)]
#[case::before_year_0(
    r#"{"product":"p","price":1,"order_date":"0000-01-01T00:00:00+00:01"}"#,
    "/order_date"
)]
#[case::after_year_9999(
    r#"{"product":"p","price":1,"order_date":"9999-12-31T23:59:59-00:01"}"#,
    "/order_date"
)]
#[case::number_of_39_digits(
    r#"{"product":"p","price":1,"n":123456789012345678901234567890123456789}"#,
    "/n"
)]
#[case::number_too_large(r#"{"product":"p","price":1,"n":1e126}"#, "/n")]
#[case::number_too_small(r#"{"product":"p","price":1,"n":1e-131}"#, "/n")]
#[case::no_object("[]", "")]
#[case::null("null", "")]
#[tokio::test]
async fn an_invalid_order_is_refused(#[case] body: &str, #[case] pointer: &str) {
    let service = Service::start(Local).await;
    let refused = service
        .post("/orders", body)
        .await
        .problem(422, "validation_failed");
    assert_eq!(refused.pointers(), [pointer], "{refused:#?}");
    assert!(service.items().await.is_empty());
}

#[rstest]
#[case::of_256_characters(256, 201)]
#[case::of_257_characters(257, 422)]
#[tokio::test]
async fn a_products_length_is_counted_in_characters(
    #[case] characters: usize,
    #[case] status: u16,
) {
    let service = Service::start(Local).await;
    let body = format!(r#"{{"product":"{}","price":1}}"#, "☃".repeat(characters));
    service.post("/orders", body).await.expect(status);
}

#[rstest]
#[case::empty("")]
#[case::no_json("price=1")]
#[case::trailing(r#"{"product":"p","price":1}x"#)]
#[case::duplicate_key(r#"{"product":"p","product":"p","price":1}"#)]
#[case::nested_duplicate_key(r#"{"product":"p","price":1,"a":[{"b":1,"b":1}]}"#)]
#[case::duplicate_key_in_disguise(r#"{"product":"p","price":1,"a":1,"\u0061":1}"#)]
#[case::lone_surrogate(r#"{"product":"\ud800","price":1}"#)]
#[case::lone_surrogate_in_a_name(r#"{"product":"p","price":1,"\udc00":1}"#)]
#[case::leading_zero(r#"{"product":"p","price":01}"#)]
#[case::not_a_number(r#"{"product":"p","price":NaN}"#)]
#[case::byte_order_mark("\u{feff}{}")]
#[tokio::test]
async fn a_body_that_is_no_json_is_malformed(#[case] body: &str) {
    let service = Service::start(Local).await;
    let refused = service.post("/orders", body).await;
    refused.problem(400, "malformed_json");
}

#[rstest]
#[tokio::test]
async fn a_body_that_is_not_utf8_is_malformed(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let refused = service.post("/orders", b"{\"product\":\"\xff\"}".to_vec());
    refused.await.problem(400, "malformed_json");
}

#[rstest]
#[case("application/json", 201)]
#[case("application/json; charset=utf-8", 201)]
#[case("Application/JSON", 201)]
#[case("application/vnd.orders+json", 201)]
#[case("text/plain", 415)]
#[case("application/x-www-form-urlencoded", 415)]
#[case("application/merge-patch+json", 201)]
#[tokio::test]
async fn the_content_type_must_be_json(
    #[case] content_type: &str,
    #[case] status: u16,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let answer = service
        .post("/orders", JACKET)
        .content_type(content_type)
        .await;
    if status == 415 {
        answer.problem(415, "unsupported_media_type");
    } else {
        assert_eq!(answer.expect(201).body, JACKET);
    }
}

#[rstest]
#[tokio::test]
async fn a_body_needs_a_content_type(#[values(Local, Lambda)] backend: Backend) {
    let service = Service::start(backend).await;
    let refused = service
        .post("/orders", JACKET)
        .without_header("content-type")
        .await;
    refused.problem(415, "unsupported_media_type");
}

#[rstest]
#[case::of_1_mb(1_048_576, 201)]
#[case::of_a_byte_more(1_048_577, 413)]
#[tokio::test]
async fn a_body_is_bounded(
    #[case] bytes: usize,
    #[case] status: u16,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let body = format!("{JACKET}{}", " ".repeat(bytes - JACKET.len()));
    let answer = service.post("/orders", body).await;
    if status == 413 {
        answer.problem(413, "payload_too_large");
    } else {
        answer.expect(status);
    }
}

/// Attribute names and values in UTF-8, a number as a byte and one for every two digits
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
#[rstest]
#[case::at_the_limit(409_600, 201)]
#[case::a_byte_above(409_601, 413)]
#[tokio::test]
async fn an_item_is_bounded_as_dynamodb_counts(#[case] bytes: usize, #[case] status: u16) {
    let service = Service::start(Local).await;
    let fields = ("id".len() + 1) + ("product".len() + 1) + ("price".len() + 2);
    let others = ("order_date".len() + 20) + ("_rev".len() + 32) + ("_shard".len() + 1);
    let pad = "x".repeat(bytes - fields - others - "pad".len());
    let body = format!(
        r#"{{"id":"a","product":"p","price":1,"order_date":"2024-11-04T10:30:00Z","pad":"{pad}"}}"#
    );
    let answer = service.post("/orders", body).await;
    if status == 413 {
        answer.problem(413, "payload_too_large");
        assert!(service.items().await.is_empty());
    } else {
        answer.expect(status);
    }
}

/// A body of 1 MB can hold more violations than an answer, each at a place with a name as long as the body.
#[tokio::test]
async fn an_answer_that_lists_violations_is_bounded() {
    let service = Service::start(Local).await;
    let elements = vec!["1e999"; 1_000].join(",");
    let name = "n".repeat(900_000);
    let body = format!(r#"{{"product":"p","price":1,"{name}":[{elements}]}}"#);
    let refused = service.post("/orders", body).await;
    assert!(refused.body.len() < 2_000_000, "{}", refused.body.len());
    let refused = refused.problem(422, "validation_failed");
    let last = refused.json["errors"].as_array().unwrap().last().unwrap();
    assert!(
        last["detail"]
            .as_str()
            .unwrap()
            .ends_with("more violations")
    );
}

/// A number is two bytes in the table and may be 126 digits in JSON.
#[rstest]
#[case::that_fits(5_000, 201)]
#[case::that_fits_no_answer(60_000, 413)]
#[case::that_fits_no_request_written_out(125_000, 413)]
#[tokio::test]
async fn an_order_of_long_numbers_is_kept_or_refused(
    #[case] numbers: usize,
    #[case] status: u16,
    #[values(Local, Lambda)] backend: Backend,
) {
    let service = Service::start(backend).await;
    let numbers = vec!["1e125"; numbers].join(",");
    let body = order("a", &format!("\"x\":[{numbers}]"));
    let answer = service.post("/orders", body).await.expect(status);
    if status == 201 {
        let read = service.get("/orders/a").await.expect(200);
        assert_eq!(read.body, answer.body);
    } else {
        assert!(service.items().await.is_empty());
    }
}

/// All of them, beside what nests too deep to be looked into; and what is no JSON is said first.
#[tokio::test]
async fn depth_hides_no_other_violation() {
    let service = Service::start(Local).await;
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let body = format!(r#"{{"a":{deep},"_rev":1}}"#);
    let refused = service.post("/orders", body).await;
    let refused = refused.problem(422, "validation_failed");
    let place = format!("/a{}", "/0".repeat(30));
    assert!(refused.pointers().contains(&"/_rev"), "{refused:#?}");
    assert!(refused.pointers().contains(&"/product"), "{refused:#?}");
    assert!(
        refused
            .pointers()
            .iter()
            .any(|pointer| pointer.starts_with(&place)),
        "{refused:#?}"
    );
    let body = format!(r#"{{"a":{deep},"b":1,"b":2}}"#);
    service
        .post("/orders", body)
        .await
        .problem(400, "malformed_json");
}

#[rstest]
#[case::of_32_levels(31, 201)]
#[case::of_33_levels(32, 422)]
#[case::of_100_000_levels(100_000, 422)]
#[tokio::test]
async fn an_order_nests_at_most_32_levels(#[case] arrays: usize, #[case] status: u16) {
    let service = Service::start(Local).await;
    let deep = format!("\"deep\":{}{}", "[".repeat(arrays), "]".repeat(arrays));
    let answer = service.post("/orders", order("a", &deep)).await;
    answer.expect(status);
}

/// 413, 415, 400, 422, then 409.
#[tokio::test]
async fn of_several_errors_the_first_in_order_is_answered() {
    let service = Service::start(Local).await;
    service.post("/orders", order("a", "")).await.expect(201);
    let long = " ".repeat(1_048_577);
    let bad_key = "k".repeat(256);
    let call = |body: &str| {
        service
            .post("/orders", body)
            .content_type("text/plain")
            .idempotency_key(&bad_key)
    };
    call(&long).await.problem(413, "payload_too_large");
    call("{").await.problem(415, "unsupported_media_type");
    let json = |body: &str| call(body).content_type("application/json");
    json("{").await.problem(400, "malformed_json");
    json("{}").await.problem(400, "invalid_parameter");
    let no_key = |body: &str| json(body).without_header("idempotency-key");
    no_key(r#"{"id":"a","product":"p"}"#)
        .await
        .problem(422, "validation_failed");
    no_key(&order("a", "")).await.problem(409, "already_exists");
}

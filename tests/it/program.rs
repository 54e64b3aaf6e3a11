//! `cargo run`: the program itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use common::item::{REVISION, SHARD};
use futures_util::future::join_all;
use rstest::rstest;
use tempfile::tempdir;
use tests::program::Program;
use tests::{JACKET, item, number, order, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn in_folder(folder: &Path) -> [&str; 2] {
    ["--data-dir", folder.to_str().unwrap()]
}

#[tokio::test]
async fn it_says_where_it_is_and_what_to_try() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("made/by/it");
    let program = Program::start(in_folder(&data)).await;
    let [place, engine, listening] = program.greeting.as_slice() else {
        panic!("{:?}", program.greeting)
    };
    assert_eq!(*place, format!("data: {}", data.display()));
    assert!(engine.starts_with("DynamoDB endpoint http://127.0.0.1:"));
    assert!(listening.starts_with("listening on http://127.0.0.1:"));
    // It answers once it says so.
    program.service.get("/ping").await.expect(200);
}

#[tokio::test]
async fn its_data_outlives_it() {
    let folder = tempdir().unwrap();
    let program = Program::start(in_folder(folder.path())).await;
    let created = program.service.post("/orders", JACKET).await.expect(201);
    let post = program.service.post("/orders", order("b", ""));
    post.idempotency_key("key").await.expect(201);
    program.interrupt().await;
    assert!(program.wait().await.success());

    let program = Program::start(in_folder(folder.path())).await;
    let read = program.service.get("/orders/1234ABCG").await.expect(200);
    assert_eq!((read.etag(), read.body), (created.etag(), created.body));
    let post = program.service.post("/orders", order("b", ""));
    let again = post.idempotency_key("key").await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        program
            .service
            .get("/orders?sort=order_date")
            .await
            .ids()
            .len(),
        2
    );
}

/// What was answered is there, whenever the process ends.
#[tokio::test]
async fn no_answered_order_is_lost_when_it_is_killed() {
    const CLIENTS: usize = 16;
    const ORDERS: usize = 1_000;
    let folder = tempdir().unwrap();
    let program = Program::start(in_folder(folder.path())).await;
    let created = Mutex::new(BTreeMap::new());
    let next = Mutex::new(0..ORDERS);
    let client = || async {
        loop {
            let Some(n) = next.lock().unwrap().next() else {
                break;
            };
            let body = order(&format!("order-{n}"), &format!("\"n\":{n}"));
            match program
                .service
                .post("/orders", body.clone())
                .attempt()
                .await
            {
                Ok(answer) => {
                    let answer = answer.expect(201);
                    created.lock().unwrap().insert(n, (answer.etag(), body));
                }
                Err(_) => break,
            }
        }
    };
    let clients = join_all((0..CLIENTS).map(|_| client()));
    let killed = async {
        while created.lock().unwrap().len() < ORDERS / 2 {
            tokio::task::yield_now().await;
        }
        program.kill().await;
    };
    tokio::join!(clients, killed);

    let created = created.into_inner().unwrap();
    assert!(
        (ORDERS / 2..ORDERS).contains(&created.len()),
        "{}",
        created.len()
    );
    let program = Program::start(in_folder(folder.path())).await;
    for (n, (tag, body)) in &created {
        let read = program.service.get(&format!("/orders/order-{n}")).await;
        let read = read.expect(200);
        assert_eq!((&read.etag(), &read.body), (tag, body));
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_at_the_end() {
    let program = Program::start(["--memory"]).await;
    let address = program.service.base_url().strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        JACKET.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // It asks for the body: the request is under way.
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    client.read_exact(&mut go_on).await.unwrap();
    program.interrupt().await;
    // It listens no more, and waits for the body.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(JACKET.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(program.wait().await.success());
}

#[tokio::test]
async fn the_second_signal_ends_it_at_once() {
    let program = Program::start(["--memory"]).await;
    let address = program.service.base_url().strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /ping HTTP/1.1\r\n").await.unwrap();
    program.interrupt().await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    program.interrupt().await;
    assert!(program.wait().await.success());
}

/// One clear line, and exit status 1.
async fn fails(arguments: &[&str], reason: &str) {
    let ended = Program::run(arguments).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(
        ended.stderr.trim_end().lines().count(),
        1,
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(&["--memory", "--port", &port], &port).await;
}

#[tokio::test]
async fn a_folder_that_can_not_be_made_is_said() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let data = file.join("data");
    let [flag, value] = in_folder(&data);
    fails(&["--port", "0", flag, value], value).await;
}

#[rstest]
#[case::that_is_no_database(b"no database at all, but long enough to be looked at".to_vec())]
#[case::that_only_begins_as_one([b"SQLite format 3\0".to_vec(), vec![0xff; 8_000]].concat())]
#[tokio::test]
async fn a_damaged_database_is_said(#[case] content: Vec<u8>) {
    let folder = tempdir().unwrap();
    let database = folder.path().join("orders.sqlite");
    fs::write(&database, &content).unwrap();
    let [flag, value] = in_folder(folder.path());
    fails(&["--port", "0", flag, value], "orders.sqlite").await;
    assert_eq!(fs::read(&database).unwrap(), content, "it is left as it is");
}

#[tokio::test]
async fn two_processes_do_not_share_a_folder() {
    let folder = tempdir().unwrap();
    let program = Program::start(in_folder(folder.path())).await;
    let [flag, value] = in_folder(folder.path());
    fails(&["--port", "0", flag, value], "another process").await;
    program.service.post("/orders", JACKET).await.expect(201);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    fails(
        &["--port", "0", "--endpoint-url", &url],
        "the database can't be reached",
    )
    .await;
}

#[rstest]
#[case("")]
#[case("not-a-url")]
#[case("ftp://127.0.0.1")]
#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused(#[case] url: &str) {
    let ended = Program::run(["--endpoint-url", url]).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--endpoint-url"), "{}", ended.stderr);
}

/// The engine of one process is a DynamoDB server to another.
#[tokio::test]
async fn it_works_on_another_server() {
    let server = Program::start(["--memory"]).await;
    server.service.post("/orders", JACKET).await.expect(201);
    let endpoint = server.service.endpoint_url();
    let program = Program::start(["--endpoint-url", endpoint]).await;
    assert_eq!(
        program.greeting[0],
        format!("data: DynamoDB endpoint {endpoint}")
    );
    let read = program.service.get("/orders/1234ABCG").await.expect(200);
    assert_eq!(read.body, JACKET);
}

/// A page of another site could have its own name point here.
#[tokio::test]
async fn on_loopback_it_answers_to_its_own_names_alone() {
    let program = Program::start(["--memory"]).await;
    let get = |host: &str| program.service.get("/ping").header("host", host);
    for host in ["localhost", "127.0.0.1:8080", "[::1]:1", "LOCALHOST:8080"] {
        get(host).await.expect(200);
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1"] {
        get(host).await.gateway(403, "Forbidden");
    }
}

/// Logs that nobody can take keep nobody from an answer.
#[tokio::test]
async fn it_serves_without_standard_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let program = Program::start_with(["--memory"], Stdio::from(writer)).await;
    program.service.post("/orders", JACKET).await.expect(201);
    program.service.get("/orders/1234ABCG").await.expect(200);
}

#[tokio::test]
async fn a_request_is_one_line_of_the_log() {
    let mut program = Program::start_with(["--memory"], Stdio::piped()).await;
    let answer = program.service.get("/orders/none").await.expect(404);
    let unrouted = program.service.get("/nothing").await.expect(404);
    program.interrupt().await;
    let log = program.stderr().await;
    for (path, id) in [
        ("/orders/none", answer.header("x-request-id")),
        ("/nothing", unrouted.header("apigw-requestid")),
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
        let [line] = lines.as_slice() else {
            panic!("{log}")
        };
        for part in ["GET", path, "404", "milliseconds"] {
            assert!(line.contains(part), "{line}");
        }
    }
}

#[tokio::test]
async fn a_backfill_brings_another_programs_items_into_the_listings() {
    let server = Program::start(["--memory"]).await;
    let service = &server.service;
    service.post("/orders", order("ours", "")).await.expect(201);
    let ours = service.item("ours").await;
    for n in 0..600 {
        service
            .put_item(item([
                ("id", text(&format!("foreign-{n:03}"))),
                ("product", text("p")),
                ("order_date", text("2024-11-04T10:30:00Z")),
                ("n", number(&n.to_string())),
            ]))
            .await;
    }
    service.put_item(item([("id", text("undated"))])).await;
    let folder = tempdir().unwrap();
    let backfill = || {
        let [flag, folder] = in_folder(folder.path());
        let url = service.endpoint_url();
        Program::run([
            "backfill",
            "--table",
            "lambda-apigateway",
            "--endpoint-url",
            url,
            flag,
            folder,
        ])
    };
    let done = backfill().await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        done.stdout,
        "done: 602 items read, 601 set, 0 reported, 1 without an order_date\n"
    );
    let items = service.items().await;
    assert_eq!(items["ours"], ours, "what is complete is left alone");
    assert!(
        items
            .values()
            .all(|item| item.contains_key(REVISION) && item.contains_key(SHARD))
    );
    assert_eq!(items["foreign-007"]["n"], number("7"));
    let listed = service.get("/orders?sort=order_date&limit=100").await;
    assert_eq!(listed.ids().len(), 100);

    let again = backfill().await;
    assert_eq!(
        again.stdout,
        "done: 602 items read, 0 set, 0 reported, 1 without an order_date\n"
    );
    assert_eq!(service.items().await, items, "nothing is changed twice");
}

#[tokio::test]
async fn a_backfill_goes_on_where_it_stopped_in_this_very_table() {
    let folder = tempdir().unwrap();
    let backfill = async |endpoint: &str| {
        let [flag, folder] = in_folder(folder.path());
        Program::run([
            "backfill",
            "--table",
            "lambda-apigateway",
            "--endpoint-url",
            endpoint,
            flag,
            folder,
        ])
        .await
    };
    let engine = tests::Service::engine().await;
    let proxy = tests::proxy::Proxy::start(engine.endpoint_url()).await;
    let service =
        tests::Service::start_on(engine, tests::Backend::Local, tests::Options::default()).await;
    for n in 0..600 {
        service
            .put_item(item([("id", text(&format!("foreign-{n:03}")))]))
            .await;
    }
    // Reading the second page fails, and the run with it.
    let refuse = || tests::proxy::Fault::Refuse(400, "AccessDeniedException");
    proxy.inject_after(1, "Scan", refuse());
    let stopped = backfill(proxy.url()).await;
    assert_eq!(stopped.status.code(), Some(1), "{stopped:?}");
    assert!(
        stopped.stderr.contains("AccessDeniedException"),
        "{stopped:?}"
    );
    // The next run does what is left, and stops again.
    proxy.inject_after(1, "Scan", refuse());
    let stopped = backfill(proxy.url()).await;
    assert!(stopped.stderr.contains("going on behind"), "{stopped:?}");
    let complete = |item: &&common::item::Item| item.contains_key(REVISION);
    assert_eq!(service.items().await.values().filter(complete).count(), 500);

    // Another server's table of the same name begins at its own beginning.
    let other = Program::start(["--memory"]).await;
    other.service.put_item(item([("id", text("a"))])).await;
    let elsewhere = backfill(other.service.endpoint_url()).await;
    assert!(
        elsewhere.stdout.starts_with("done: 1 items read, 1 set,"),
        "{elsewhere:?}"
    );

    let done = backfill(proxy.url()).await;
    assert!(done.stdout.contains(" 100 set,"), "{done:?}");
    assert!(
        service
            .items()
            .await
            .values()
            .all(|item| item.contains_key(REVISION))
    );
}

#[tokio::test]
async fn help_lists_what_it_can_do() {
    let help = Program::run(["--help"]).await;
    assert!(help.status.success());
    for option in [
        "--host",
        "--port",
        "--data-dir",
        "--memory",
        "--endpoint-url",
        "backfill",
    ] {
        assert!(help.stdout.contains(option), "{}", help.stdout);
    }
}

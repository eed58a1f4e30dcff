//! Real processes, real PostgreSQL, real kills: what is acknowledged survives, what is stopped leaves nothing behind,
//! and a start that cannot work says what to do.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod server;

use std::{
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use server::{FOODCOURT, Server, log_of, processes_in, run};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

async fn post(server: &Server, path: &str, token: Option<&str>, key: Option<&str>, body: &Value) -> (u16, String) {
    let mut request = reqwest::Client::new().post(server.url(path)).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn get(server: &Server, path: &str, token: &str) -> (u16, Value) {
    let answer = reqwest::Client::new().get(server.url(path)).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

async fn sign_in(server: &Server, email: &str) -> String {
    let body = json!({"email": email, "password": "foodcourt-demo"});
    let (status, text) = post(server, "/v1/auth/token", None, None, &body).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["access_token"].as_str().unwrap().to_owned()
}

/// A basket of the first dish of the first kitchen.
async fn basket(server: &Server, token: &str) -> Value {
    let court = &get(server, "/v1/courts", token).await.1["items"][0];
    let kitchen = court["kitchens"][0].as_str().unwrap();
    let menu = get(server, &format!("/v1/kitchens/{kitchen}/menu"), token).await.1;
    let item = &menu["items"][0];
    let chosen = |group: &Value| {
        let wanted = usize::try_from(group["min"].as_u64().unwrap()).unwrap();
        let options = group["modifiers"].as_array().unwrap().iter().take(wanted);
        options.map(|option| option["modifier_id"].clone()).collect::<Vec<_>>()
    };
    let modifiers: Vec<Value> = item["modifier_groups"].as_array().unwrap().iter().flat_map(chosen).collect();
    json!({
        "court_id": court["court_id"], "fulfilment": "pickup",
        "lines": [{"kitchen_id": kitchen, "item_id": item["item_id"], "quantity": 1, "modifiers": modifiers}],
    })
}

fn order(basket: &Value) -> Value {
    json!({"basket": basket, "payment_method": "pm_ok", "contact": {"name": "Mia", "phone": "+49 30 1234", "address": "Uferweg 1"}})
}

#[actix::test]
async fn acknowledged_orders_survive_kill_9_and_their_keys_replay_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), 0).await;
    let token = sign_in(&server, "customer@demo").await;
    let body = order(&basket(&server, &token).await);
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for round in 0..3 {
        for number in 0..5 {
            let key = format!("crash-{round}-{number}");
            let (status, text) = post(&server, "/v1/orders", Some(&token), Some(&key), &body).await;
            assert_eq!(status, 201, "{text}");
            acknowledged.push((key, text));
        }
        server = server.crash_and_restart().await;
        for (key, first) in &acknowledged {
            let again = post(&server, "/v1/orders", Some(&token), Some(key), &body).await;
            assert_eq!(again, (201, first.clone()), "key {key} replays other bytes");
        }
    }
    let mut other = body.clone();
    other["payment_method"] = json!("pm_declined");
    assert_eq!(post(&server, "/v1/orders", Some(&token), Some("crash-0-0"), &other).await.0, 422);
    // Facts, not memory: every order is there, once, and is paid in the end though the server died under it.
    for (_, text) in &acknowledged {
        let id = serde_json::from_str::<Value>(text).unwrap()["order_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/orders/{id}");
        let paid = async {
            while get(&server, &path, &token).await.1["paid"] != json!(true) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), paid).await.expect("an order was forgotten");
    }
    let listed = get(&server, "/v1/orders?limit=100", &token).await.1["items"].as_array().unwrap().len();
    assert_eq!(listed, acknowledged.len(), "an order is missing or doubled");
    server.terminate();
    assert_eq!(server.ended().await, Some(0));
}

#[actix::test]
async fn a_city_outlives_kill_9_and_every_invariant_holds_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 0).await;
    let city = Command::new(FOODCOURT)
        .args([
            "city",
            "--url",
            &server.url(""),
            "--orders",
            "24",
            "--riders",
            "10",
            "--seed",
            "11",
            "--speed",
            "60",
            "--json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // In the middle: some orders are on their way, none of the city's work is done yet.
    let admin = sign_in(&server, "admin@demo").await;
    let busy = async {
        loop {
            let orders = get(&server, "/v1/admin/orders?limit=100", &admin).await.1;
            if orders["items"].as_array().map_or(0, Vec::len) >= 8 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), busy).await.expect("the city did not begin");
    let server = server.crash_and_restart().await;
    let output = tokio::task::spawn_blocking(move || city.wait_with_output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let summary: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
    assert!(output.status.success(), "{summary:#}\n{}", log_of(folder.path()));
    for bad in ["stuck", "lost", "duplicated", "gaps"] {
        assert_eq!(summary[bad], json!(0), "{bad}: {summary:#}");
    }
    let good = summary["delivered"].as_u64().unwrap() + summary["completed"].as_u64().unwrap();
    assert!(summary["placed"] == json!(24) && good * 10 >= 24 * 7, "{summary:#}");
    server.terminate();
    assert_eq!(server.ended().await, Some(0));
    let data = folder.path().join("data").display().to_string();
    let (code, told, _) = run(&["check", "--json", "--data-dir", &data], &[]);
    assert_eq!(code, Some(0), "{told}");
}

#[actix::test]
async fn sigterm_says_goodbye_to_sockets_and_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 0).await;
    let token = sign_in(&server, "customer@demo").await;
    let mut request = server.url("/v1/live").replacen("http", "ws", 1).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "foodcourt.v1".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(Message::text(json!({"type": "subscribe", "id": 1, "topic": "inbox"}).to_string())).await.unwrap();
    server.terminate();
    let goodbye = async {
        while let Some(frame) = socket.next().await {
            if let Ok(Message::Close(Some(close))) = frame {
                return Some((u16::from(close.code), close.reason.to_string()));
            }
        }
        None
    };
    let goodbye = tokio::time::timeout(Duration::from_secs(20), goodbye).await.expect("no goodbye came");
    let (code, reason) = goodbye.expect("the socket was cut without a word");
    assert_eq!(code, 1012);
    assert!(reason.contains("retry_after_ms"), "{reason}");
    drop(socket);
    assert_eq!(server.ended().await, Some(0), "{}", log_of(folder.path()));
    assert_eq!(processes_in(folder.path()), Vec::<String>::new());
}

#[actix::test]
async fn a_start_that_cannot_work_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = |args: &[&str], settings: &[(&str, &str)], word: &str| {
        let (code, _, told) = run(args, settings);
        assert_eq!(code, Some(2), "{args:?}: {told}");
        assert!(told.contains(word), "{args:?} should speak of {word:?}: {told}");
    };
    refused(&["serve", "--port", &port, "--data-dir", &data], &[], "listens there already");
    let elsewhere = ["serve", "--host", "192.0.2.1", "--port", "0", "--data-dir", &data];
    refused(&elsewhere, &[], "192.0.2.1 is no address of this machine");
    refused(&["serve", "--config", "no-such-file.toml"], &[], "no-such-file.toml");
    refused(&["serve", "--port", "0", "--data-dir", &data], &[("FOODCOURT_SERVER__WORKERS", "many")], "WORKERS");
    refused(&["serve", "--port", "0", "--data-dir", &data], &[("FOODCOURT_KERNEL__LEASE_S", "0")], "lease_s");
    refused(&["check"], &[("FOODCOURT_SERVER_PORT", "1")], "FOODCOURT_SERVER__PORT");
    refused(&["check"], &[("FOODCOURT_SERVER__PROT", "1")], "FOODCOURT_SERVER__PROT): did you mean server.port");
    refused(&["serve", "--port", "0", "--data-dir", "/proc/nowhere"], &[], "No such file");
    refused(&["city", "--url", "nonsense"], &[], "http://127.0.0.1:5003");
    // A check makes nothing: not of a typing error, and not in a folder of somebody else's.
    let typo = folder.path().join("typo");
    refused(&["check", "--data-dir", &typo.display().to_string()], &[], "does not exist");
    assert!(!typo.exists());
    let foreign = tempfile::tempdir().unwrap();
    refused(&["check", "--data-dir", &foreign.path().display().to_string()], &[], "no data of foodcourt");
    assert_eq!(std::fs::read_dir(foreign.path()).unwrap().count(), 0);
    std::fs::write(foreign.path().join("letters.txt"), "dear").unwrap();
    let letters = foreign.path().display().to_string();
    refused(&["serve", "--port", "0", "--data-dir", &letters], &[], "not foodcourt's (letters.txt)");
    assert_eq!(std::fs::read_dir(foreign.path()).unwrap().count(), 1);
    let nowhere = [("FOODCOURT_DATABASE__URL", "postgres://nobody@127.0.0.1:9/foodcourtdb?connect_timeout=1")];
    refused(&["serve", "--port", "0", "--data-dir", &data], &nowhere, "127.0.0.1");
    let server = Server::start(folder.path(), 0).await;
    refused(&["serve", "--port", "0", "--data-dir", &data], &[], "another");
    let (code, _, told) = run(&["check", "--data-dir", &data], &[]);
    assert!(code == Some(2) && told.contains("stop it first") && !told.contains("another --data-dir"), "{told}");
    // What it advises works.
    let address = told.split("FOODCOURT_DATABASE__URL=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (code, told, why) = run(&["check"], &[("FOODCOURT_DATABASE__URL", address)]);
    assert_eq!(code, Some(0), "{told} {why}");
    let listed = |n: u32| told.contains(&format!("I{n}:"));
    assert!((1..=9).all(listed), "{told}");
    server.terminate();
    assert_eq!(server.ended().await, Some(0));
    std::fs::write(folder.path().join("data/foodcourt.version"), "99").unwrap();
    refused(&["serve", "--port", "0", "--data-dir", &data], &[], "newer");
}

//! A call is sent until it is answered, always with the same key and the same body.

use std::sync::{Arc, atomic::Ordering};

use std::time::Duration;

use foodcourt::city::{
    CityError, CityOptions,
    client::{Api, Call, CallError},
    log::Log,
};
use serde_json::json;

use crate::fake::Fake;

fn order() -> Call {
    Call::post("/v1/orders").key("key-1").body(json!({"quote_id": "q"}))
}

#[tokio::test]
async fn the_same_key_goes_on_through_a_killed_and_a_busy_server() {
    let (fake, person) = Fake::with_person().await;
    let server = tokio::spawn(async move {
        let mut bodies = Vec::new();
        for turn in 0..4 {
            let asked = fake.asked("t").await;
            assert!(asked.head.contains("idempotency-key: key-1"), "{}", asked.head);
            assert!(asked.head.contains("authorization: bearer t"), "{}", asked.head);
            bodies.push(asked.body.clone());
            match turn {
                0 => asked.hang_up(),
                1 => asked.answer(503, "retry-after: 0\r\n", "{}").await,
                2 => asked.answer(409, "", r#"{"type":"/problems/request-running"}"#).await,
                _ => asked.answer(201, "etag: \"1\"\r\n", r#"{"order_id":"o"}"#).await,
            }
        }
        bodies
    });
    let answer = person.call(&order()).await.unwrap();
    assert_eq!((answer.status, answer.etag.as_deref()), (201, Some("\"1\"")));
    let bodies = server.await.unwrap();
    assert!(bodies.iter().all(|body| *body == json!({"quote_id": "q"})));
    assert_eq!(person.api().log().counters.retries.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn an_address_where_nobody_is_is_given_up_soon_and_one_that_is_none_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let api = Api::new(&url, Duration::from_secs(300), Arc::new(Log::new(10))).unwrap();
    let last = api.greet(Duration::from_millis(300)).await.unwrap_err();
    assert!(last.contains("refused"), "{last}");
    for url in ["nonsense", "127.0.0.1:5003", "ftp://x", ""] {
        let options = CityOptions {
            url: Some(url.to_owned()),
            riders: 1,
            orders: 1,
            seed: 1,
            speed: None,
            every_s: None,
            policy: None,
            json: false,
        };
        let error = foodcourt::city::run(options).await.unwrap_err();
        assert!(matches!(error, CityError::Address(_)) && error.to_string().contains("http://"), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_names_its_problem() {
    let (fake, person) = Fake::with_person().await;
    let server = tokio::spawn(async move {
        let problem = r#"{"type":"/problems/invalid-field","detail":"no","errors":[{"pointer":"/tip"}]}"#;
        fake.asked("t").await.answer(422, "", problem).await;
    });
    let answer = person.call(&order()).await.unwrap();
    server.await.unwrap();
    let Err(CallError::Refused { status: 422, problem, detail, .. }) = answer.done() else { panic!("not refused") };
    assert_eq!(problem, "/problems/invalid-field");
    assert!(detail.contains("/tip"));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_call_sent_again() {
    let (fake, person) = Fake::with_person().await;
    let caller = Arc::clone(&person);
    let call = tokio::spawn(async move { caller.call(&Call::get("/v1/orders")).await });
    fake.asked("old").await.answer(401, "", "{}").await;
    let again = fake.asked("new").await;
    assert!(again.head.contains("authorization: bearer new"), "{}", again.head);
    again.answer(200, "", r#"{"items":[]}"#).await;
    assert_eq!(call.await.unwrap().unwrap().status, 200);
}

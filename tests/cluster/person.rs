//! Somebody signed in, who calls whichever node they are told to, and may hold a socket there.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::nodes::PATIENCE;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }

    /// The last word of the problem's type.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("/problems/")
    }
}

/// A person with a token that is good on every node.
#[derive(Clone)]
pub struct Person {
    client: Client,
    token: Arc<Mutex<String>>,
    /// Where they signed in, and as whom: a token lives five minutes.
    home: String,
    email: String,
    pub id: String,
}

impl Person {
    /// Signs in at `base` with the demo's password.
    pub async fn sign_in(base: &str, email: &str) -> Self {
        let (home, email) = (base.to_owned(), email.to_owned());
        let me = Self { client: Client::new(), token: Arc::default(), home, email, id: String::new() };
        me.renew().await;
        let id = me.get(base, "/v1/me").await.good()["user_id"].as_str().unwrap().to_owned();
        Self { id, ..me }
    }

    fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    async fn renew(&self) {
        let body = json!({"email": self.email, "password": "foodcourt-demo"});
        let url = format!("{}/v1/auth/token", self.home);
        let session = self.sent(Method::POST, &url, None, Some(&body)).await.good();
        session["access_token"].as_str().unwrap().clone_into(&mut self.token.lock().unwrap());
    }

    async fn call(&self, method: Method, url: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let answer = self.sent(method.clone(), url, key, body).await;
        if answer.status != 401 {
            return answer;
        }
        self.renew().await;
        self.sent(method, url, key, body).await
    }

    async fn sent(&self, method: Method, url: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let (mut request, token) = (self.client.request(method, url), self.token());
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        Answer { status, retry_after, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn get(&self, base: &str, path: &str) -> Answer {
        self.call(Method::GET, &format!("{base}{path}"), None, None).await
    }

    pub async fn post(&self, base: &str, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("{base}{path}"), None, Some(body)).await
    }

    pub async fn put(&self, base: &str, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, &format!("{base}{path}"), None, Some(body)).await
    }

    /// With an `Idempotency-Key`.
    pub async fn once(&self, base: &str, path: &str, key: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("{base}{path}"), Some(key), Some(body)).await
    }

    /// Reads `path` until `fits`.
    pub async fn until(&self, base: &str, path: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waiting = async {
            loop {
                last = self.get(base, path).await.body;
                if fits(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "waited in vain until {what}: {last:#}");
        last
    }

    /// A socket at `base` that watches `topic`.
    pub async fn watch(&self, base: &str, topic: &str) -> Socket {
        let mut request = format!("{base}/v1/live").replacen("http", "ws", 1).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token()).parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", "foodcourt.v1".parse().unwrap());
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Socket(stream);
        socket.say(&json!({"type": "subscribe", "id": 1, "topic": topic})).await;
        socket.next("subscribed").await;
        socket
    }
}

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of this type.
    pub async fn next(&mut self, kind: &str) -> Value {
        let waiting = async {
            loop {
                let message = self.0.next().await.expect("an open socket").expect("a whole frame");
                if let Message::Text(text) = message {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    if value["type"] == kind {
                        return value;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no {kind} came"))
    }
}

/// A delivery order of the first dish of the court's first kitchen.
pub async fn delivery_order(person: &Person, base: &str) -> Value {
    let court = person.get(base, "/v1/courts").await.good()["items"][0].clone();
    let kitchen = court["kitchens"][0].as_str().unwrap().to_owned();
    let menu = person.get(base, &format!("/v1/kitchens/{kitchen}/menu")).await.good();
    let item = &menu["items"][0];
    let chosen = |group: &Value| {
        let wanted = usize::try_from(group["min"].as_u64().unwrap()).unwrap();
        let options = group["modifiers"].as_array().unwrap().iter().take(wanted);
        options.map(|option| option["modifier_id"].clone()).collect::<Vec<_>>()
    };
    let modifiers: Vec<Value> = item["modifier_groups"].as_array().unwrap().iter().flat_map(chosen).collect();
    let (lat, lon) = place(&court);
    json!({
        "basket": {
            "court_id": court["court_id"], "fulfilment": "delivery", "dropoff": {"lat": lat + 0.004, "lon": lon + 0.004},
            "lines": [{"kitchen_id": kitchen, "item_id": item["item_id"], "quantity": 1, "modifiers": modifiers}],
        },
        "payment_method": "pm_ok",
        "contact": {"name": "Mia", "phone": "+49 30 1234", "address": "Am Kran 7"},
    })
}

/// Where a court is.
pub fn place(court: &Value) -> (f64, f64) {
    (court["position"]["lat"].as_f64().unwrap(), court["position"]["lon"].as_f64().unwrap())
}

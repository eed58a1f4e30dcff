//! Riders: on shift, on a socket, a fix every few seconds; they take every offer and do every step at once.

use std::{cell::RefCell, collections::HashSet, rc::Rc, time::Duration};

use foodcourt_actors::time::Clock;
use serde::Deserialize;
use tokio::{task::JoinHandle, time::MissedTickBehavior};

use super::{
    saga::Day,
    socket::{Said, Socket},
    world::{Wall, World},
};

/// A rider who is silent for a minute is not asked any more.
const FIX_EVERY: Duration = Duration::from_secs(10);
/// Until the rider asks again whether the food is ready.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Riders who start their shift at once.
const AT_ONCE: usize = 64;

#[derive(Deserialize)]
struct Offer {
    offer_id: String,
}

#[derive(Deserialize)]
struct Delivery {
    delivery_id: String,
}

struct Rider {
    day: Day,
    token: String,
    begun: RefCell<HashSet<String>>,
}

/// Brings all riders on shift; answers when each has sent a first fix.
pub async fn start(day: &Day, world: &World) -> Vec<JoinHandle<()>> {
    let tokens = world.riders();
    let mut riders = Vec::new();
    for (group, some) in tokens.chunks(AT_ONCE).enumerate() {
        let ready = some.iter().enumerate().map(|(n, token)| {
            let (day, token, number) = (day.clone(), token.clone(), group * AT_ONCE + n);
            let at = world.stand(number);
            async move {
                let shift = br#"{"vehicle":"bicycle","capacity":2}"#;
                let (status, said) = day.call("PUT", "/v1/riders/me/shift", &token, shift).await;
                // 409: still on the shift of an earlier run.
                if status != 200 && status != 409 {
                    day.refused("shift", status, &said);
                }
                let mut socket = Socket::open(day.address, &token).await.unwrap();
                socket.send(r#"{"type":"subscribe","id":1,"topic":"rider:me"}"#).await.unwrap();
                let rider = Rc::new(Rider { day, token, begun: RefCell::default() });
                let fix = move |seq: u64| {
                    format!(
                        r#"{{"type":"fixes","id":2,"fixes":[{{"seq":{seq},"at":"{}","lat":{},"lon":{},"accuracy_m":8}}]}}"#,
                        Wall.now(),
                        at.lat(),
                        at.lon()
                    )
                };
                socket.send(&fix(first_seq())).await.unwrap();
                (number, socket, rider, fix)
            }
        });
        for (number, mut socket, rider, fix) in futures_util::future::join_all(ready).await {
            riders.push(actix::spawn(async move {
                let phase = Duration::from_millis(u64::try_from(number * 5).unwrap() % 10_000);
                let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + phase, FIX_EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        said = socket.next() => match said {
                            Ok(text) => hear(&rider, &text),
                            Err(error) => return rider.day.log.borrow_mut().trouble(format!("a rider's socket: {error}")),
                        },
                        _ = ticks.tick() => socket.send(&fix(first_seq())).await.unwrap(),
                    }
                }
            }));
        }
    }
    riders
}

/// Grows over runs, too.
fn first_seq() -> u64 {
    u64::try_from(Wall.now().as_micros() / 1_000).unwrap()
}

fn hear(rider: &Rc<Rider>, text: &str) {
    rider.day.log.borrow_mut().frames += 1;
    let said: Said = serde_json::from_str(text).unwrap();
    match &*said.r#type {
        "offer.received" => {
            let Some(Offer { offer_id }) = said.data() else { return };
            let rider = Rc::clone(rider);
            actix::spawn(async move { rider.accept(&offer_id).await });
        }
        "rider.delivery_confirmed" => {
            let Some(Delivery { delivery_id }) = said.data() else { return };
            let rider = Rc::clone(rider);
            actix::spawn(async move { rider.bring(delivery_id).await });
        }
        "error" => rider.day.log.borrow_mut().trouble(text.to_owned()),
        _ => {}
    }
}

impl Rider {
    async fn accept(&self, offer_id: &str) {
        let path = format!("/v1/offers/{offer_id}/acceptance");
        let (status, said) = self.day.call("POST", &path, &self.token, &[]).await;
        // The delivery itself is begun when the fact says that it is ours.
        if status != 200 && status != 202 {
            self.day.refused("acceptance of an offer", status, &said);
        }
    }

    async fn bring(&self, delivery_id: String) {
        if !self.begun.borrow_mut().insert(delivery_id.clone()) {
            return;
        }
        for step in [
            "enroute_to_pickup",
            "arrived_at_pickup",
            "picked_up",
            "enroute_to_dropoff",
            "arrived_at_dropoff",
            "delivered",
        ] {
            loop {
                let path = format!("/v1/deliveries/{delivery_id}/{step}");
                let (status, said) = self.day.call("POST", &path, &self.token, &[]).await;
                match status {
                    200 => break,
                    // Not ready yet.
                    409 if step == "picked_up" => tokio::time::sleep(ASK_AGAIN).await,
                    _ => return self.day.refused(step, status, &said),
                }
            }
        }
        self.begun.borrow_mut().remove(&delivery_id);
    }
}

//! One visit of a customer: look around, order, watch, fetch the food or change one's mind. The order itself is on the
//! server; a visit only wants, waits and remembers what it was told.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    basket::{Appetite, Basket},
    client::{Answer, Call, CallError},
    dice::Dice,
    eye::{Eye, Watching, status_of},
    log::{Placement, count},
    person::Person,
    wire::{Order, is_end},
    world::{World, until_evening},
};

/// Baskets a customer tries before giving up hungry: the kitchens may be full for a while.
const BASKETS_MAX: u32 = 25;
/// How often a customer looks for themselves whether the order has ended, in case the socket does not say.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long the end may be known without its fact having come; then the visit is over and the fact missing.
const TAIL_MAX: Duration = Duration::from_secs(30);

/// What a customer is like today; rolled before anything is asked, so that it does not depend on answers.
struct Mood {
    appetite: Appetite,
    payment_method: &'static str,
    quotes: bool,
    presses_twice: bool,
    cancels_after_s: Option<f64>,
    watches_by: Watching,
    drops_after_s: Vec<f64>,
    offline_s: f64,
    walks_s: f64,
}

impl Mood {
    fn roll(dice: &mut Dice) -> Self {
        let methods = [
            (0.030, "pm_declined"),
            (0.030, "pm_timeout_after_effect"),
            (0.015, "pm_hangs"),
            (0.030, "pm_twice"),
            (0.010, "pm_capture_fails"),
            (0.020, "pm_slow"),
        ];
        let mut throw = dice.between(0.0, 1.0);
        let payment_method = methods
            .into_iter()
            .find(|(share, _)| {
                throw -= share;
                throw < 0.0
            })
            .map_or("pm_ok", |(_, method)| method);
        let watches_by = match dice.whole(0, 9) {
            0..=1 => Watching::EventStream,
            2..=5 => Watching::SocketFromSnapshot,
            _ => Watching::SocketFromStart,
        };
        let drops = if dice.chance(0.35) { dice.whole(1, 3) } else { 0 };
        Self {
            appetite: Appetite::roll(dice),
            payment_method,
            quotes: dice.chance(0.8),
            presses_twice: dice.chance(0.1),
            cancels_after_s: dice.chance(0.07).then(|| dice.between(5.0, 200.0)),
            watches_by,
            drops_after_s: (0..drops).map(|_| dice.between(20.0, 1_500.0)).collect(),
            offline_s: dice.between(1.0, 90.0),
            walks_s: dice.between(20.0, 240.0),
        }
    }
}

/// The `number`th visit of the day.
pub async fn visit(world: Arc<World>, number: u32) {
    let mut dice = Dice::of(world.options.seed, "customer", u64::from(number));
    let mood = Mood::roll(&mut dice);
    match order(&world, number, &mood, &mut dice).await {
        Ok(Some((person, order))) => watch(&world, &person, order, mood, number).await,
        Ok(None) => world.log.trouble(format!("visit {number} found nothing to order {BASKETS_MAX} times")),
        Err(error) => world.log.trouble(format!("visit {number} could not order: {error}")),
    }
}

async fn order(
    world: &World,
    number: u32,
    mood: &Mood,
    dice: &mut Dice,
) -> Result<Option<(Arc<Person>, Order)>, CallError> {
    let person = world.customer(number).await?;
    for attempt in 0..BASKETS_MAX {
        let key = format!("city-{}-{number}-{attempt}", world.tag);
        if let Some(basket) = Basket::compose(&person, &mood.appetite, &world.streets, dice).await? {
            let answer = place(world, &person, number, &key, &basket, mood).await?;
            if answer.is_success() {
                let order: Order = answer.read()?;
                if basket.kitchens() > 1 {
                    count(&world.log.counters.multi_kitchen);
                }
                return Ok(Some((person, order)));
            }
            // 409 sold out or full, 410 the quote grew old while the server was away: look again.
            if !matches!(answer.status, 409 | 410) {
                answer.done()?;
            }
        }
        world.clock.sleep_s(dice.between(20.0, 120.0)).await;
    }
    Ok(None)
}

/// Quotes, if that is the customer's way, and places; the key stays the same until there is an answer.
async fn place(
    world: &World,
    person: &Person,
    number: u32,
    key: &str,
    basket: &Basket,
    mood: &Mood,
) -> Result<Answer, CallError> {
    let mut body = json!({
        "payment_method": mood.payment_method,
        "contact": {"name": format!("Customer {number}"), "phone": "+49 69 5550100", "address": "1 Example Street",
            "note": null},
    });
    if mood.quotes {
        let quote = person.call(&Call::post("/v1/quotes").key(format!("{key}-q")).body(basket.body.clone())).await?;
        if !quote.is_success() {
            return Ok(quote);
        }
        body["quote_id"] = quote.read::<Value>()?["quote_id"].take();
    } else {
        body["basket"] = basket.body.clone();
    }
    let call = Call::post("/v1/orders").key(key).body(body);
    let answer = person.call(&call).await?;
    if answer.is_success() {
        let placement = Placement {
            customer: number,
            key: key.to_owned(),
            wanted: basket.wanted.clone(),
            answers: vec![answer.read()?],
            bodies: vec![answer.text.clone()],
        };
        world.log.placed(placement, answer.ms);
        if mood.presses_twice {
            let again = person.call(&call).await?;
            world.log.placed_again(key, again.read()?, again.text);
        }
    }
    Ok(answer)
}

async fn watch(world: &Arc<World>, person: &Arc<Person>, order: Order, mood: Mood, number: u32) {
    let mut eye = Eye::open(world, person, &order, &mood.watches_by);
    let mut stage = Stage::default();
    let mut drops = mood.drops_after_s.iter().map(|s| world.clock.wall(*s)).collect::<Vec<_>>();
    drops.sort_unstable_by(|a, b| b.cmp(a));
    let began = Instant::now();
    let mut cancel_at = mood.cancels_after_s.map(|s| began + world.clock.wall(s));
    let mut look_at = began + LOOK_EVERY;
    let mut tail_until = None;
    let mut fetched = false;
    let mut evening = world.evening.clone();
    let stayed = loop {
        let drop_at = drops.last().map(|after| began + *after);
        tokio::select! {
            heard = eye.next() => match heard {
                Some(heard) => if let Some(status) = status_of(&heard) {
                    stage.reach(world, &status);
                    if is_end(&status) {
                        break true;
                    }
                    if status == "ready_for_pickup" && mood.appetite.pickup && !fetched {
                        fetched = true;
                        tokio::spawn(fetch(Arc::clone(world), Arc::clone(person), order.order_id.clone(), mood.walks_s));
                    }
                },
                None => break true, // gave up: the log shows what is missing
            },
            () = sleep_until(cancel_at) => {
                cancel_at = None;
                cancel(world, person, &order.order_id, number).await;
            }
            () = sleep_until(drop_at) => {
                drops.pop();
                eye.drop_for(world.clock.wall(mood.offline_s)).await;
            }
            () = sleep_until(Some(look_at)) => {
                look_at = Instant::now() + LOOK_EVERY;
                match person.get::<Order>(format!("/v1/orders/{}", order.order_id)).await {
                    Ok(now) if is_end(&now.status) => {
                        let until = *tail_until.get_or_insert_with(|| Instant::now() + TAIL_MAX);
                        if Instant::now() >= until {
                            stage.reach(world, &now.status);
                            break true;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "a customer could not look"),
                }
            }
            () = until_evening(&mut evening) => break false,
        }
    };
    eye.close(stayed).await;
}

async fn cancel(world: &World, person: &Person, order_id: &str, number: u32) {
    let call = Call::post(format!("/v1/orders/{order_id}/cancellation"))
        .key(format!("city-{}-{number}-cancel", world.tag))
        .body(json!({"reason": "changed my mind"}));
    match person.call(&call).await {
        Ok(answer) if answer.is_success() => {
            count(&world.log.counters.cancellations);
            world.log.acknowledged(order_id, "order.cancel_requested");
        }
        Ok(answer) if answer.status == 409 => {} // too late: it is being carried or over
        Ok(answer) => {
            answer
                .done()
                .unwrap_or_else(|error| world.log.trouble(format!("visit {number} could not cancel: {error}")));
        }
        Err(error) => world.log.trouble(format!("visit {number} could not cancel: {error}")),
    }
}

/// Walks to the court and asks at each counter.
async fn fetch(world: Arc<World>, person: Arc<Person>, order_id: String, walks_s: f64) {
    world.clock.sleep_s(walks_s).await;
    let order = match person.get::<Order>(format!("/v1/orders/{order_id}")).await {
        Ok(order) => order,
        Err(error) => return world.log.trouble(format!("a customer at the counter cannot find the order: {error}")),
    };
    for part in order.parts.iter().filter(|part| part.stage != "rejected" && part.stage != "collected") {
        if let Some(counter) = world.counters.get(&part.kitchen_id) {
            let asked = counter.send(part.ticket_id.clone()).await;
            asked.unwrap_or_else(|_| tracing::debug!("the counter is closed"));
        }
    }
}

/// How far the order has visibly come; each station is counted once.
#[derive(Default)]
struct Stage(u8);

impl Stage {
    fn reach(&mut self, world: &World, status: &str) {
        let counters = &world.log.counters;
        let station = match status {
            "accepted" | "in_preparation" | "ready_for_pickup" => 1,
            "picked_up" => 2,
            status if is_end(status) => 3,
            _ => 0,
        };
        if station <= self.0 {
            return;
        }
        let gauge = |station| match station {
            1 => Some(&counters.cooking),
            2 => Some(&counters.riding),
            3 => Some(&counters.done),
            _ => None,
        };
        if let Some(left) = gauge(self.0) {
            left.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(reached) = gauge(station) {
            count(reached);
        }
        self.0 = station;
    }
}

/// At that time, or never.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

//! Everything in its place before the first customer comes: kitchens staffed, riders hired, streets drawn, the clock
//! hurried, and kept hurried.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    client::{Api, Call, CallError},
    clock::BusinessClock,
    log::Log,
    person::Person,
    streets::Streets,
    wire::{Court, Demo, DemoAccount, Kitchen, Page},
    world::World,
};

/// Riders that the server makes in one call.
const RIDERS_AT_ONCE_MAX: usize = 200;
/// How often the server's clock is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(5);

/// Kitchens with their people, the customers' side of each counter, and the kitchens' side.
pub type Staffed = (Vec<(Kitchen, Arc<Person>)>, BTreeMap<String, mpsc::Sender<String>>, Vec<mpsc::Receiver<String>>);

/// Puts somebody into each kitchen whose demo account is known.
pub async fn staff(api: &Arc<Api>, demo: &Demo, courts: &[Court]) -> Result<Staffed, CallError> {
    let mut people: BTreeMap<&str, Arc<Person>> = BTreeMap::new();
    let (mut staffed, mut counters, mut queues) = (Vec::new(), BTreeMap::new(), Vec::new());
    for court in courts {
        let path = format!("/v1/kitchens?court_id={}", court.court_id);
        let kitchens: Page<Kitchen> = api.call(&Call::get(path)).await?.read()?;
        for kitchen in kitchens.items {
            let staff = demo.accounts.iter().filter(|account| account.kitchens.contains(&kitchen.kitchen_id));
            // Its own crew rather than somebody with a pass for all kitchens.
            let Some(account) = staff.min_by_key(|account| account.kitchens.len()) else { continue };
            let new = || Arc::new(Person::new(Arc::clone(api), &account.email, &account.password));
            let person = Arc::clone(people.entry(&account.email).or_insert_with(new));
            let (ask, asked) = mpsc::channel(256);
            counters.insert(kitchen.kitchen_id.clone(), ask);
            queues.push(asked);
            staffed.push((kitchen, person));
        }
    }
    Ok((staffed, counters, queues))
}

/// The demo's riders, and as many more as were asked for.
pub async fn rider_accounts(world: &World, demo: &Demo, admin: Option<&Person>) -> Result<Vec<DemoAccount>, CallError> {
    let mut riders: Vec<_> = demo.accounts.iter().filter(|account| account.role == "rider").cloned().collect();
    let wanted = world.options.riders as usize;
    riders.truncate(wanted);
    while let Some(admin) = admin.filter(|_| riders.len() < wanted) {
        let call = Call::post("/v1/demo/riders")
            .key(format!("city-{}-riders-{}", world.tag, riders.len()))
            .body(json!({"count": (wanted - riders.len()).min(RIDERS_AT_ONCE_MAX)}));
        let answer = admin.call(&call).await?;
        let more = if answer.is_success() { answer.read::<Demo>()?.accounts } else { Vec::new() };
        if more.is_empty() {
            world.log.trouble(format!("the server makes no more riders ({}): {} ride", answer.status, riders.len()));
            break;
        }
        riders.extend(more);
    }
    Ok(riders)
}

/// The district's streets, or a plain grid where the server shows none.
pub async fn streets(api: &Api, court: &Court, log: &Log) -> Result<Streets, CallError> {
    let district = api.call(&Call::get("/v1/district")).await?;
    let streets = if district.status == 404 {
        Err("the server shows no district".to_owned())
    } else {
        Streets::from_geojson(&district.read::<Value>()?).map_err(|error| error.to_string())
    };
    Ok(streets.unwrap_or_else(|error| {
        log.trouble(format!("{error}; the riders ride on a plain grid"));
        Streets::grid(court.position)
    }))
}

/// Asks the server to run business time at `speed`, and takes over what it says.
pub async fn set_speed(admin: &Person, clock: &BusinessClock, speed: f64, log: &Log) {
    let call = Call::put("/v1/demo/clock").body(json!({"speed": speed}));
    match admin.call(&call).await.and_then(|answer| answer.read::<Value>()) {
        Ok(told) => {
            let now = told.get("business_now").and_then(|now| serde_json::from_value(now.clone()).ok());
            clock.set(now.unwrap_or_else(|| clock.now()), told["business_speed"].as_f64().unwrap_or(speed));
        }
        Err(error) => log.trouble(format!("business time cannot be hurried: {error}")),
    }
}

/// Follows the server's clock: one that was restarted may have forgotten that it should hurry.
pub async fn keep_clock(world: Arc<World>, admin: Option<Arc<Person>>) {
    loop {
        tokio::time::sleep(CLOCK_EVERY).await;
        let Ok(demo) = world.api.call(&Call::get("/v1/demo")).await.and_then(|answer| answer.read::<Demo>()) else {
            continue;
        };
        if let (Some(now), Some(speed)) = (demo.business_now, demo.business_speed) {
            world.clock.set(now, speed);
        }
        let forgot = |wish: &f64| demo.business_speed.is_some_and(|speed| (speed - wish).abs() > 0.01);
        if let (Some(speed), Some(admin)) = (world.options.speed.filter(forgot), &admin) {
            set_speed(admin, &world.clock, speed, &world.log).await;
        }
    }
}

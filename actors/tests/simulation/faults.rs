//! What goes wrong on a day: the journal's weather, actors and nodes that die, cursors that fall back, a broker that
//! loses and repeats, a provider that is down.

use std::{cell::Cell, rc::Rc, sync::Mutex, time::Duration};

use foodcourt_actors::{
    memory::{Dice, Weather},
    payment::{
        provider::{PaymentProvider, ProviderError, ProviderReply, ProviderRequest},
        sandbox::{MemoryStore, Sandbox},
    },
    stream::{Category, StreamId},
};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::{node::View, world::World};

/// The sandbox behind a line that can be down, before or after the effect.
pub struct MoodyProvider {
    sandbox: Sandbox<MemoryStore>,
    /// Chance in a thousand that a call fails.
    down: Mutex<(Dice, u32)>,
    failed: Mutex<u64>,
    /// Planted: each try carries a new key.
    new_keys: bool,
}

impl MoodyProvider {
    pub fn new(sandbox: Sandbox<MemoryStore>, dice: Dice, new_keys: bool) -> Self {
        Self { sandbox, down: Mutex::new((dice, 0)), failed: Mutex::default(), new_keys }
    }
    pub fn set_down(&self, per_mille: u32) {
        self.down.lock().unwrap().1 = per_mille;
    }
    pub fn failed(&self) -> u64 {
        *self.failed.lock().unwrap()
    }
}

impl PaymentProvider for MoodyProvider {
    fn call(&self, mut request: ProviderRequest) -> BoxFuture<'static, Result<ProviderReply, ProviderError>> {
        let (dice, per_mille) = &mut *self.down.lock().unwrap();
        let (fails, before) = (dice.chance(*per_mille), dice.chance(500));
        if self.new_keys {
            request.key = format!("{}/{}", request.key, dice.roll());
        }
        if fails {
            *self.failed.lock().unwrap() += 1;
        }
        let call = self.sandbox.call(request);
        Box::pin(async move {
            if fails && before {
                return Err(ProviderError::Unavailable("the line is down".into()));
            }
            let reply = call.await;
            if fails { Err(ProviderError::NoAnswer) } else { reply }
        })
    }
}

/// A spell of weather.
fn weather(world: &World, dice: &mut Dice) -> Weather {
    let mut weather = Weather { slow: Duration::from_millis(1 + dice.below(40)), ..Weather::default() };
    if dice.chance(300) {
        world.fault("journal.slow");
        weather.slow = Duration::from_millis(200 + dice.below(4_000));
    }
    if dice.chance(250) {
        weather.unavailable = 50 + u32::try_from(dice.below(400)).unwrap_or(0);
    }
    if dice.chance(350) {
        weather.lost_answer = 30 + u32::try_from(dice.below(200)).unwrap_or(0);
        weather.lost_request = 30 + u32::try_from(dice.below(200)).unwrap_or(0);
    }
    if dice.chance(250) {
        weather.unreadable = 50 + u32::try_from(dice.below(300)).unwrap_or(0);
    }
    if dice.chance(350) {
        world.fault("journal.lagging");
        weather.lag = Duration::from_millis(500 + dice.below(6_000));
    }
    weather
}

/// Keeps things going wrong while it storms. Nodes are started from here, so it must not be cut off.
pub async fn run(world: Rc<World>) {
    let mut dice = world.dice(7);
    let node_is_down = Rc::new(Cell::new(false));
    loop {
        tokio::time::sleep(Duration::from_secs(10 + dice.below(50))).await;
        if !world.stormy.get() {
            return;
        }
        match dice.below(10) {
            0..3 => {
                let weather = weather(&world, &mut dice);
                world.note(|| format!("WEATHER    {weather:?}"));
                world.memory.journal.set_weather(weather);
            }
            3..6 => kill_some(&world, &mut dice).await,
            6 => {
                *world.broker.rough.lock().unwrap() = dice.chance(600);
                world.provider.set_down(if dice.chance(400) { 500 } else { 0 });
            }
            7 if dice.chance(400) => {
                let end = world.memory.journal.facts().last().map_or(0, |fact| fact.position);
                let back_to = end - i64::try_from(dice.below(300)).unwrap_or(0);
                world.fault("cursors.lost");
                world.memory.cursors.lose(back_to.max(0));
            }
            8 if !node_is_down.get() => {
                node_is_down.set(true);
                let (world, down, dice) = (Rc::clone(&world), Rc::clone(&node_is_down), dice.fork(8));
                actix::spawn(async move {
                    end_node(&world, dice).await;
                    down.set(false);
                });
            }
            9 if dice.chance(60) && !node_is_down.get() => {
                node_is_down.set(true);
                let (world, down, dice) = (Rc::clone(&world), Rc::clone(&node_is_down), dice.fork(9));
                actix::spawn(async move {
                    black_out(&world, dice).await;
                    down.set(false);
                });
            }
            _ => {}
        }
    }
}

/// Both nodes die at once, and what was due meanwhile is due when they come back.
async fn black_out(world: &Rc<World>, mut dice: Dice) {
    world.fault("node.both_crashed");
    for number in 0..2 {
        if let Some(node) = world.take_node(number) {
            node.crash();
        }
    }
    tokio::time::sleep(Duration::from_secs(30 + dice.below(420))).await;
    world.start_node(0);
    world.start_node(1);
}

/// One node dies or is restarted; the other one goes on.
async fn end_node(world: &Rc<World>, mut dice: Dice) {
    let number = usize::from(dice.chance(500));
    let Some(node) = world.take_node(number) else { return };
    if dice.chance(700) {
        world.fault("node.crashed");
        node.crash();
    } else {
        world.fault("node.restarted");
        node.stop().await;
    }
    tokio::time::sleep(Duration::from_secs(1 + dice.below(40))).await;
    world.start_node(number);
}

/// Some actors die where they stand, also in the middle of an append.
async fn kill_some(world: &World, dice: &mut Dice) {
    let streams = world.streams();
    for _ in 0..=dice.below(12) {
        let Some(view) = world.view(usize::from(dice.chance(500))) else { return };
        if !streams.is_empty() {
            let stream = streams[dice.below(streams.len() as u64) as usize];
            world.fault("actor.killed");
            kill(&view, stream).await;
        }
    }
}

async fn kill(view: &View, StreamId { category, id }: StreamId) {
    let doors = &view.doors;
    let id: Uuid = id;
    match category {
        Category::Order => doors.order.kill(id).await,
        Category::Payment => doors.payment.kill(id).await,
        Category::Kitchen => doors.kitchen.kill(id).await,
        Category::Delivery => doors.delivery.kill(id).await,
        Category::Rider => doors.rider.kill(id).await,
        Category::Inbox => doors.inbox.kill(id).await,
    }
}

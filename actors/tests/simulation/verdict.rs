//! The verdict on a day: what the facts say, held against what people were told, what the provider's own ledger says
//! and what the watchers saw.

use std::collections::BTreeMap;

use foodcourt_actors::{
    decider::Decider,
    ids::{OrderId, PaymentId},
    invariants::OVERDUE_MAX_S,
    order::{Order, OrderState, OrderStatus},
    payment::{
        Payment, PaymentState,
        sandbox::{LedgerLine, balance},
        state::{CallKind, Phase},
    },
    stream::{Category, StreamId},
};

use crate::{counts::Counts, world::World};

/// Orders that must have been eaten on a day, so that a dead court cannot pass.
const EATEN_MIN: usize = 4;
/// Orders that must have been placed.
const PLACED_MIN: usize = 20;
/// Kinds of fault that must have struck.
const FAULTS_MIN: usize = 3;

/// Everything that is wrong with the day so far, faults or not.
pub fn so_far(world: &World) -> Vec<String> {
    world.step();
    let checker = world.checker.borrow();
    let broken = checker.0.broken().iter();
    let mut wrong: Vec<String> =
        broken.map(|one| format!("{}: {} {}", one.invariant, one.stream, one.sentence)).collect();
    wrong.extend(world.broken.borrow().iter().cloned());
    for watcher in world.watchers.borrow().iter() {
        wrong.extend(watcher.seen.lock().unwrap().broken.iter().map(|one| format!("I8: a watcher of {one}")));
    }
    wrong
}

/// Whether every order has come to an end.
pub fn all_ended(world: &World) -> bool {
    orders(world).into_iter().all(|id| order(world, id).order().is_some_and(|order| order.status.is_final()))
}

/// Whether no payment waits for the provider.
pub fn all_answered(world: &World) -> bool {
    let payments = world.streams().into_iter().filter(|stream| stream.category == Category::Payment);
    payments.into_iter().all(|stream| fold::<Payment>(world, stream.id).call.is_none())
}

/// Every order that was written, acknowledged or not.
fn orders(world: &World) -> Vec<OrderId> {
    let streams = world.streams().into_iter().filter(|stream| stream.category == Category::Order);
    streams.map(|stream| OrderId(stream.id)).collect()
}

fn fold<D: Decider>(world: &World, id: uuid::Uuid) -> D::State {
    let mut state = D::State::default();
    for fact in world.memory.journal.stream(StreamId::new(D::CATEGORY, id)) {
        if let Ok(event) = fact.typed::<D::Event>() {
            D::evolve(&mut state, &event, fact.at);
        }
    }
    state
}

fn order(world: &World, id: OrderId) -> OrderState {
    fold::<Order>(world, id.0)
}

/// Everything that is wrong after the last night, when nothing may be on its way any more.
pub fn at_rest(world: &World, counts: &Counts) -> Vec<String> {
    let mut wrong = so_far(world);
    let now = world.now();
    let (checker, _) = world.checker.take();
    let report = checker.finish(now, true);
    wrong.extend(report.broken.iter().map(|one| format!("{}: {} {}", one.invariant, one.stream, one.sentence)));
    for (stream, due) in world.memory.journal.overdue(now.plus_s(-OVERDUE_MAX_S)) {
        wrong.push(format!("I3: {stream} was due at {due} and nobody woke it"));
    }
    for (service, fact, reason) in world.memory.cursors.buried() {
        wrong.push(format!("{service} has put {} of {} aside: {reason}", fact.kind, fact.stream));
    }
    promises(world, &mut wrong);
    money(world, &mut wrong);
    watchers(world, &mut wrong);
    alive(world, counts, &mut wrong);
    wrong.sort();
    wrong.dedup();
    wrong
}

/// I1: every yes is in the journal, with what it said, its answer and its contact.
fn promises(world: &World, wrong: &mut Vec<String>) {
    for promise in world.promises.borrow().iter() {
        let facts = world.memory.journal.stream(promise.stream);
        let from = promise.version - promise.facts.len() as u64;
        for ((kind, body), version) in promise.facts.iter().zip(from + 1..) {
            let holds =
                facts.iter().any(|fact| fact.version == version && &*fact.kind == *kind && *fact.body == **body);
            if !holds {
                wrong.push(format!("I1: {kind} was acknowledged as {}/{version} and is not there", promise.stream));
            }
        }
        if let Some(stored) = &promise.stored
            && world.memory.journal.stored_answer(&stored.scope).as_ref() != Some(stored)
        {
            wrong.push(format!("I10: the answer of {} is not the one that was given", stored.scope));
        }
    }
    for id in orders(world) {
        let contact = order(world, id).order().and_then(|order| order.placed.contact_id);
        if contact.is_some_and(|contact| world.memory.journal.contact(contact).is_none()) {
            wrong.push(format!("I1: the contact of order:{id} is lost"));
        }
    }
}

/// I2: the provider's ledger says what ours says, and nothing is held for an order that has ended.
fn money(world: &World, wrong: &mut Vec<String>) {
    let mut lines: BTreeMap<String, Vec<LedgerLine>> = BTreeMap::new();
    for line in world.store.lines() {
        lines.entry(line.provider_ref.clone()).or_default().push(line);
    }
    let mut known = 0;
    for id in orders(world) {
        let payment_id = PaymentId::of(id);
        let state: PaymentState = fold::<Payment>(world, payment_id.0);
        let reference = format!("sandbox_{payment_id}");
        let at_provider = lines.get(&reference).map_or(&[][..], Vec::as_slice);
        known += usize::from(!at_provider.is_empty());
        let theirs = balance(at_provider);
        let captured = state.captured.map_or(0, |amount| amount.amount);
        let refunded = state.refunded.map_or(0, |amount| amount.amount);
        if (theirs.captured, theirs.refunded) != (captured, refunded) {
            wrong.push(format!("I2: payment:{payment_id} is {state:?} and the provider says {theirs:?}"));
        }
        let holds = |line: &&LedgerLine| line.kind == CallKind::Authorize && line.refused.is_none();
        if at_provider.iter().filter(holds).count() > 1 {
            wrong.push(format!("I2: the provider held the money of payment:{payment_id} more than once"));
        }
        let may_hold = matches!(state.phase, Phase::Held | Phase::CaptureRefused);
        if theirs.held != 0 && !may_hold {
            wrong.push(format!("I2: {} are still held for payment:{payment_id}, {:?}", theirs.held, state.phase));
        }
    }
    if known != lines.len() {
        wrong.push(format!("I2: the provider knows {} payments and we know {known} of them", lines.len()));
    }
}

/// I8: every watcher has seen what the journal holds.
fn watchers(world: &World, wrong: &mut Vec<String>) {
    for watcher in world.watchers.borrow().iter() {
        let facts = world.memory.journal.stream(watcher.stream);
        let seen = watcher.seen.lock().unwrap();
        let same = facts.len() == seen.facts.len() && facts.iter().zip(&seen.facts).all(|(a, b)| a.event_id == *b);
        if !same {
            let (saw, held) = (seen.facts.len(), facts.len());
            wrong.push(format!("I8: a watcher of {} saw {saw} facts of {held}, or others", watcher.stream));
        }
    }
}

/// A dead court must not pass.
fn alive(world: &World, counts: &Counts, wrong: &mut Vec<String>) {
    let orders = orders(world);
    let mut eaten = 0;
    for id in &orders {
        match order(world, *id).order().map(|order| order.status) {
            Some(OrderStatus::Delivered | OrderStatus::Completed) => eaten += 1,
            Some(status) if status.is_final() => {}
            status => wrong.push(format!("I3: order:{id} never ended, it is {status:?}")),
        }
    }
    if orders.len() < PLACED_MIN {
        wrong.push(format!("only {} orders were placed", orders.len()));
    }
    let eaten_min = if world.strike.is_some() { 1 } else { EATEN_MIN };
    if eaten < eaten_min {
        wrong.push(format!("only {eaten} orders of {} were eaten", orders.len()));
    }
    if counts.faults.len() < FAULTS_MIN {
        wrong.push(format!("only {} kinds of fault struck", counts.faults.len()));
    }
}

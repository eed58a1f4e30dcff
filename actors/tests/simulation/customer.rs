//! Customers: they read the cards, order from one kitchen or several, pay with whatever they have, change their minds
//! at bad moments, tap twice, and come to fetch their food or do not.

use std::{rc::Rc, sync::Arc};

use foodcourt_actors::{
    ids::{ContactId, OrderId, QuoteId},
    kitchen::{Kitchen, KitchenCommand, menu::MenuItem},
    memory::Dice,
    notification::{Inbox, InboxCommand},
    order::{
        Order, OrderCommand, OrderStatus,
        event::{CancelledBy, EndReason, Fulfilment, Placed},
        pricing::{BasketRequest, LineRequest, Offering, price},
        quote::{Customer, Quote, place},
    },
    ports::{Contact, StoredAnswer},
    proof::ProofRequired,
    stream::{Category, StreamId},
};

use crate::{
    client::{Person, Told, refused},
    live::watch,
    world::World,
};

/// Payment methods: mostly one that works, and each that does not.
const METHODS: [&str; 16] = [
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_twice",
    "pm_twice",
    "pm_slow",
    "pm_slow",
    "pm_timeout_after_effect",
    "pm_timeout_after_effect",
    "pm_hangs",
    "pm_declined",
    "pm_capture_fails",
];

/// Orders once, and follows the order to its end.
pub async fn order(world: Rc<World>, number: u64) {
    let mut me = Person::new(&world, format!("customer{number}"), 1_000 + number);
    me.wait_s(5, 12 * 60).await;
    let order_id = OrderId::of_scope(&format!("{}/{number}", world.kernel.ids.next()));
    for _ in 0..40 {
        if let Some(placed) = choose(&world, &mut me, number, order_id).await {
            if send(&world, &mut me, &placed).await {
                follow(&world, &mut me, &placed).await;
            }
            return;
        }
        me.wait_s(5, 30).await;
    }
    world.count("found nothing to eat");
}

/// Reads the cards and prices a basket.
async fn choose(world: &Rc<World>, me: &mut Person, number: u64, order_id: OrderId) -> Option<Placed> {
    let count = if me.dice.chance(450) { 2 + me.dice.below(2) } else { 1 };
    let first = me.dice.below(world.kitchens.len() as u64);
    let mut offerings = vec![];
    let mut lines = vec![];
    for n in 0..count {
        let kitchen = &world.kitchens[((first + n) % world.kitchens.len() as u64) as usize].opened;
        let (kitchen_id, now) = (kitchen.kitchen_id, world.now());
        let state = me.look::<Kitchen>(world, kitchen_id.0).await?.state;
        let menu = Arc::clone(state.menu());
        if menu.items.is_empty() {
            return None; // not open yet
        }
        for _ in 0..=me.dice.below(2) {
            let item = &menu.items[me.dice.below(menu.items.len() as u64) as usize];
            lines.push(LineRequest {
                kitchen_id,
                item_id: item.item_id,
                quantity: 1 + me.dice.below(3) as i64,
                modifiers: options(item, &mut me.dice),
                note: None,
            });
        }
        offerings.push(Offering {
            kitchen_id,
            name: kitchen.name.clone(),
            menu,
            sold_out: state.sold_out(now).collect(),
            open_now: state.is_open(now),
            opens_at: None,
            paused_until: state.paused_until(now),
            full: state.is_full(),
            prep_min: state.prep_min(),
        });
    }
    let delivery = me.dice.chance(600);
    let door = foodcourt_actors::demo::district::address(me.dice.below(500)).position;
    let basket = BasketRequest {
        court_id: world.court.court_id,
        fulfilment: if delivery { Fulfilment::Delivery } else { Fulfilment::Pickup },
        lines,
        tip: None,
        dropoff: delivery.then_some(door),
        wanted_at: None,
        proof: match me.dice.below(10) {
            0 => Some(ProofRequired::Pin),
            1 => Some(ProofRequired::Photo),
            _ => None,
        },
    };
    let now = world.now();
    let priced = match price(&world.court, &offerings, &basket, now) {
        Ok(priced) => priced,
        Err(errors) => {
            errors.iter().for_each(|error| refused(world, "basket", &format!("{:?}", error.problem)));
            return None;
        }
    };
    let method = METHODS[me.dice.below(METHODS.len() as u64) as usize];
    let customer_id = World::customer(number);
    let contact_id = delivery.then(|| ContactId::of(order_id));
    let customer = Customer { customer_id, contact_id, payment_method: method.to_owned() };
    Some(if me.dice.chance(300) {
        let quote = Quote::new(QuoteId(world.kernel.ids.next()), customer_id, basket, priced, now);
        me.wait_s(1, 120).await; // while the kitchens' cards may change
        quote.place(order_id, customer, world.now())
    } else {
        place(order_id, &basket, priced, customer, now)
    })
}

/// What an item asks, answered.
fn options(item: &MenuItem, dice: &mut Dice) -> Vec<foodcourt_actors::ids::ModifierId> {
    let mut chosen = vec![];
    for group in &item.modifier_groups {
        let count = (group.min + u32::from(group.max > group.min && dice.chance(300))).min(group.max) as usize;
        chosen.extend(group.modifiers.iter().take(count).map(|option| option.modifier_id));
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Places the order, sometimes by tapping twice, sometimes wrongly at first. True: it stands.
async fn send(world: &Rc<World>, me: &mut Person, placed: &Placed) -> bool {
    let order_id = placed.order_id;
    if me.dice.chance(60) {
        let mut wrong = placed.clone();
        wrong.totals.total.amount += 1;
        me.ask::<Order>(world, order_id.0, OrderCommand::Place(Box::new(wrong))).await;
    }
    if me.dice.chance(60) {
        cancel(world, me, order_id, CancelledBy::Customer, false).await; // of an order that is not there yet
    }
    let twice = me.dice.chance(200).then(|| Person::new(world, format!("{} again", me.name), 3));
    let stands = match twice {
        None => place_once(world, me, placed).await.is_yes(),
        Some(mut again) => {
            let (one, two) = tokio::join!(place_once(world, me, placed), place_once(world, &mut again, placed));
            if let (Told::Yes(one), Told::Yes(two)) = (&one, &two)
                && !one.events.is_empty()
                && !two.events.is_empty()
            {
                world.breach(format!("order:{order_id} was placed twice"));
            }
            one.is_yes() || two.is_yes()
        }
    };
    if !stands {
        return false;
    }
    world.count("orders placed");
    world.count(if placed.parts.len() > 1 { "orders over several kitchens" } else { "orders of one kitchen" });
    watch(world, StreamId::new(Category::Order, order_id.0), me.dice.fork(1));
    watch(world, StreamId::new(Category::Inbox, placed.customer_id.0), me.dice.fork(2));
    if me.dice.chance(60) {
        let other = Placed { customer_id: World::customer(999), ..placed.clone() };
        me.ask::<Order>(world, order_id.0, OrderCommand::Place(Box::new(other))).await;
    }
    true
}

async fn place_once(world: &Rc<World>, me: &mut Person, placed: &Placed) -> Told<Order> {
    let (order_id, contact_id) = (placed.order_id, placed.contact_id);
    let command = OrderCommand::Place(Box::new(placed.clone()));
    me.ask_with::<Order>(world, order_id.0, command, |wish| {
        let wish = wish.answering(Box::new(move |_, version| StoredAnswer {
            scope: format!("place/{order_id}"),
            request_sha256: [0; 32],
            status: 201,
            headers: vec![],
            body: format!("{order_id} at {version}").into_bytes(),
        }));
        match contact_id {
            Some(contact_id) => wish.with_contact(Contact { contact_id, body: format!("{{\"of\":\"{order_id}\"}}") }),
            None => wish,
        }
    })
    .await
}

/// Waits, looks, cancels perhaps, fetches the food if it is a pickup.
async fn follow(world: &Rc<World>, me: &mut Person, placed: &Placed) {
    let order_id = placed.order_id;
    let patience_s = match me.dice.below(10) {
        0 | 1 => me.dice.below(900),
        2 => me.dice.below(6),
        _ => u64::MAX,
    };
    let (comes, stubborn, staff_cancels) = (!me.dice.chance(60), me.dice.chance(300), me.dice.chance(60));
    let placed_at = world.now();
    let mut cancelled = false;
    loop {
        me.wait_s(4, 20).await;
        let waited_s = world.now().since(placed_at).as_secs();
        if !cancelled && waited_s >= patience_s {
            let told = cancel(world, me, order_id, CancelledBy::Customer, stubborn).await;
            cancelled = true;
            if matches!(told, Told::No(_)) && stubborn {
                cancel(world, me, order_id, CancelledBy::Staff, false).await;
            }
        }
        if me.dice.chance(40) {
            read_inbox(world, me, placed).await;
        }
        let Some(seen) = me.look::<Order>(world, order_id.0).await else { continue };
        let Some(order) = seen.state.order() else { continue };
        if staff_cancels && order.status == OrderStatus::PickedUp {
            cancel(world, me, order_id, CancelledBy::Staff, false).await;
        }
        if order.status.is_final() {
            world.count(&format!("ended {}", order.status));
            if stubborn && me.dice.chance(300) {
                cancel(world, me, order_id, CancelledBy::Customer, false).await;
            }
            return;
        }
        if comes && order.status == OrderStatus::ReadyForPickup && placed.fulfilment == Fulfilment::Pickup {
            me.wait_s(10, 240).await;
            for part in order.accepted_parts() {
                let ticket_id = foodcourt_actors::ids::TicketId::of(order_id, part.kitchen_id);
                me.ask::<Kitchen>(world, part.kitchen_id.0, KitchenCommand::CollectTicket { ticket_id }).await;
                me.wait_s(1, 30).await;
            }
        }
        if waited_s > 7_200 {
            return; // went home hungry; the order sees to itself
        }
    }
}

/// Reads what has come, and once in a while claims to have read what has not.
async fn read_inbox(world: &Rc<World>, me: &mut Person, placed: &Placed) {
    let inbox_id = placed.customer_id.0;
    if let Some(seen) = me.look::<Inbox>(world, inbox_id).await.filter(|seen| seen.version > 0) {
        let version = if me.dice.chance(50) { seen.version + 1_000 } else { seen.version };
        me.ask::<Inbox>(world, inbox_id, InboxCommand::ReadUpTo { version }).await;
    }
}

async fn cancel(world: &Rc<World>, me: &mut Person, id: OrderId, by: CancelledBy, blind: bool) -> Told<Order> {
    let reason = match by {
        CancelledBy::Customer => EndReason::CustomerCancelled,
        CancelledBy::Staff => EndReason::StaffCancelled,
    };
    let command = OrderCommand::Cancel { by, reason };
    if blind {
        // With the version of an old page; told that it is stale, they try again without.
        let told = me.ask_with::<Order>(world, id.0, command.clone(), |wish| wish.expecting(1)).await;
        if !matches!(told, Told::Stale) {
            return told;
        }
    }
    me.ask::<Order>(world, id.0, command).await
}

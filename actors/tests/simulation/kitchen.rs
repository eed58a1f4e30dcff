//! Kitchens' staff, each crew with a temper: prompt, slow to answer, silent for a while, fussy, forgetful. They 86
//! dishes, pause, need longer, and press buttons that do not apply.

use std::rc::Rc;

use foodcourt_actors::{
    decider::Decider,
    ids::{CommandId, ItemId, KitchenId, TicketId},
    kitchen::{Kitchen, KitchenCommand as Wish, KitchenState, Stage, Ticket, event::EightySix},
    order::event::RejectReason,
    stream::StreamId,
};

use crate::{client::Person, live::watch, world::World};

/// What a crew is like; the chances are in a thousand, for each ticket.
#[derive(Clone, Copy)]
struct Temper {
    word: &'static str,
    /// Seconds until a ticket is looked at, at most.
    answers_within_s: u64,
    rejects: u32,
    ignores: u32,
    delays: u32,
    forgets: u32,
    /// Whether it takes dishes off and pauses, per minute.
    fusses: u32,
}

const TEMPERS: [Temper; 5] = [
    Temper { word: "prompt", answers_within_s: 20, rejects: 10, ignores: 0, delays: 60, forgets: 0, fusses: 15 },
    Temper { word: "slow", answers_within_s: 220, rejects: 20, ignores: 0, delays: 250, forgets: 10, fusses: 15 },
    Temper { word: "silent", answers_within_s: 60, rejects: 0, ignores: 250, delays: 50, forgets: 0, fusses: 15 },
    Temper { word: "fussy", answers_within_s: 40, rejects: 200, ignores: 0, delays: 100, forgets: 0, fusses: 90 },
    Temper { word: "forgetful", answers_within_s: 60, rejects: 20, ignores: 30, delays: 80, forgets: 60, fusses: 30 },
];

/// One crew's day.
pub async fn run(world: Rc<World>, number: usize) {
    let kitchen = world.kitchens[number].clone();
    let id = kitchen.opened.kitchen_id;
    let temper = TEMPERS[number % TEMPERS.len()];
    let mut me = Person::new(&world, format!("crew {}", temper.word), 2_000 + number as u64);
    for command in kitchen.commands() {
        me.ask::<Kitchen>(&world, id.0, command).await;
    }
    watch(&world, StreamId::new(Kitchen::CATEGORY, id.0), me.dice.fork(1));
    loop {
        me.wait_s(4, 14).await;
        let Some(seen) = me.look::<Kitchen>(&world, id.0).await else { continue };
        let tickets: Vec<Ticket> = seen.state.open_tickets().cloned().collect();
        for ticket in &tickets {
            work(&world, &mut me, id, temper, ticket).await;
        }
        if me.dice.chance(temper.fusses * 9 / 60) {
            fuss(&world, &mut me, id, &seen.state).await;
        }
    }
}

/// A number below 1,000 that a ticket keeps: what the crew thinks of it does not change from look to look.
fn whim(ticket: &Ticket, salt: u64) -> u32 {
    let (high, low) = ticket.asked.ticket_id.0.as_u64_pair();
    let mut dice = foodcourt_actors::memory::Dice::new(high ^ low ^ salt);
    u32::try_from(dice.below(1_000)).unwrap_or(0)
}

async fn work(world: &Rc<World>, me: &mut Person, id: KitchenId, temper: Temper, ticket: &Ticket) {
    let (ticket_id, now) = (ticket.asked.ticket_id, world.now());
    let age_s = now.since(ticket.opened_at).as_secs();
    let wish = match ticket.stage {
        Stage::Waiting if whim(ticket, 1) < temper.ignores => return,
        Stage::Waiting if age_s < u64::from(whim(ticket, 2)) * temper.answers_within_s / 1_000 => return,
        Stage::Waiting if whim(ticket, 3) < temper.rejects => {
            let reason = if whim(ticket, 4) < 500 { RejectReason::TooBusy } else { RejectReason::Other };
            Wish::RejectTicket { ticket_id, reason }
        }
        Stage::Waiting if me.dice.chance(20) => Wish::AcceptTicket { ticket_id, prep_min: Some(999) },
        Stage::Waiting => {
            let prep_min = (whim(ticket, 5) < 500).then(|| 3 + whim(ticket, 6) % 10);
            Wish::AcceptTicket { ticket_id, prep_min }
        }
        // Known at once that it takes longer: before the other kitchens have answered, if there are others.
        Stage::Accepted if ticket.fire_at.is_none() && ticket.delays.is_empty() && whim(ticket, 10) < temper.delays => {
            let command_id = CommandId(world.kernel.ids.next());
            Wish::DelayTicket { ticket_id, by_min: 1 + whim(ticket, 11) % 25, command_id }
        }
        Stage::Accepted if me.dice.chance(40) => Wish::FireTicket { ticket_id },
        Stage::Accepted if me.dice.chance(10) => Wish::ReadyTicket { ticket_id },
        Stage::InKitchen if whim(ticket, 7) < temper.delays && ticket.delays.is_empty() => Wish::DelayTicket {
            ticket_id,
            by_min: 1 + whim(ticket, 8) % 8,
            command_id: CommandId(world.kernel.ids.next()),
        },
        Stage::InKitchen if whim(ticket, 9) < temper.forgets => return,
        Stage::InKitchen if ticket.ready_at.is_some_and(|ready_at| now < ready_at.plus_s(-60)) => return,
        Stage::InKitchen if me.dice.chance(700) => Wish::ReadyTicket { ticket_id },
        _ => return,
    };
    me.ask::<Kitchen>(world, id.0, wish).await;
    if me.dice.chance(30) {
        // The wrong button, or the right one too late.
        let wrong = match me.dice.below(4) {
            0 => Wish::RejectTicket { ticket_id, reason: RejectReason::Other },
            1 => Wish::AcceptTicket { ticket_id: TicketId(world.kernel.ids.next()), prep_min: None },
            2 => Wish::CollectTicket { ticket_id },
            _ => Wish::AcceptTicket { ticket_id, prep_min: None },
        };
        me.ask::<Kitchen>(world, id.0, wrong).await;
    }
}

async fn fuss(world: &Rc<World>, me: &mut Person, id: KitchenId, state: &KitchenState) {
    let now = world.now();
    let items = &state.menu().items;
    if items.is_empty() {
        return;
    }
    let item = items[me.dice.below(items.len() as u64) as usize].item_id;
    let gone: Vec<EightySix> = state.sold_out(now).collect();
    let wish = match me.dice.below(8) {
        0..3 => Wish::EightySix { what: EightySix::Item(item), until: Some(now.plus_min(5)) },
        3 => Wish::EightySix { what: EightySix::Item(item), until: None },
        4 => match gone.first() {
            Some(what) => Wish::BringBack { what: *what },
            None => Wish::EightySix { what: EightySix::Item(ItemId(world.kernel.ids.next())), until: None },
        },
        5 => Wish::Pause { until: now.plus_min(4) },
        6 => Wish::Pause { until: now.plus_s(-5) },
        _ => Wish::Resume,
    };
    me.ask::<Kitchen>(world, id.0, wish).await;
}

//! The kitchen's rules: what a wish means now. Nothing here scans all tickets; a kitchen at its busiest takes
//! hundreds of tickets a second.

use crate::{
    decider::{Deadline, Decider},
    ids::{KitchenId, TicketId},
    kitchen::{
        KitchenCommand, KitchenRejection as No, KitchenState, Stage, Ticket,
        event::{
            BackOnMenu, FireScheduled, Fired, KitchenEvent, MenuPublished, Opened, Paused, Resumed, SoldOut,
            TicketAccepted, TicketCollected, TicketDelayed, TicketExpired, TicketOpened, TicketReady, TicketRejected,
            TicketVoided,
        },
        ticket::Due,
    },
    order::event::RejectReason,
    stream::Category,
    time::Timestamp,
};

/// Delays of one ticket; each is remembered, so their number must be bounded.
pub const DELAYS_MAX: usize = 10;
/// Due things decided in one go: bounds one append. What is left is due at once again.
const TICK_MAX: usize = 128;
/// The longest pause and the longest 86 that end by themselves, days: beyond it is a typing mistake.
const UNTIL_MAX_DAYS: i64 = 31;

/// One kitchen.
#[derive(Clone, Copy, Debug)]
pub struct Kitchen;

type Facts = Result<Vec<KitchenEvent>, No>;

impl Decider for Kitchen {
    const CATEGORY: Category = Category::Kitchen;
    type State = KitchenState;
    type Command = KitchenCommand;
    type Event = KitchenEvent;
    type Rejection = No;
    /// Every basket is priced against its kitchens.
    const SHOWN: bool = true;

    fn decide(state: &KitchenState, command: &KitchenCommand, now: Timestamp) -> Facts {
        use KitchenCommand as C;
        if let C::Open(opened) = command {
            return open(state, opened);
        }
        let Some(info) = state.info() else {
            // A void needs no kitchen to be true, and the clock of no kitchen has nothing to say.
            return if matches!(command, C::VoidTicket { .. } | C::Tick) { Ok(vec![]) } else { Err(No::NoKitchen) };
        };
        let kitchen_id = info.kitchen_id;
        match command {
            C::Open(_) => Ok(vec![]), // answered above
            C::MoveClock { time_zone } => {
                let mut opened = info.clone();
                opened.hours.time_zone.clone_from(time_zone);
                open(state, &opened)
            }
            C::PublishMenu { menu } if **state.menu() == *menu => Ok(vec![]),
            C::PublishMenu { menu } => match menu.problem() {
                Some((pointer, problem)) => Err(No::BadMenu { pointer, problem }),
                None => Ok(vec![KitchenEvent::MenuPublished(MenuPublished { menu: menu.clone() })]),
            },
            C::EightySix { what, until } => {
                if state.off_menu(*what) == Some(*until) {
                    return Ok(vec![]);
                }
                if !state.menu().has(*what) {
                    return Err(No::NotOnMenu);
                }
                until.map_or(Ok(()), |until| soon(until, now))?;
                Ok(vec![KitchenEvent::SoldOut(SoldOut { what: *what, until: *until })])
            }
            C::BringBack { what } if state.off_menu(*what).is_none() => Ok(vec![]),
            C::BringBack { what } => Ok(vec![KitchenEvent::BackOnMenu(BackOnMenu { what: *what })]),
            C::Pause { until } if state.pause_recorded() == Some(*until) => Ok(vec![]),
            C::Pause { until } => {
                soon(*until, now)?;
                Ok(vec![KitchenEvent::Paused(Paused { until: *until })])
            }
            C::Resume if state.pause_recorded().is_none() => Ok(vec![]),
            C::Resume => Ok(vec![KitchenEvent::Resumed(Resumed {})]),
            C::OpenTicket { order_id, ticket_id, lines, fulfilment, answer_by, wanted_at } => {
                if state.stage(*ticket_id).is_some() {
                    return Ok(vec![]);
                }
                let (ticket_id, order_id) = (*ticket_id, *order_id);
                // What is wanted later need not be answered at once: then the order's patience counts alone.
                let own = now.plus_s(i64::from(info.answer_within_s));
                let late = (*answer_by <= now).then_some(RejectReason::NoAnswer);
                Ok(vec![match late.or_else(|| state.why_not(lines, now)) {
                    Some(reason) => {
                        KitchenEvent::TicketRejected(TicketRejected { ticket_id, order_id, kitchen_id, reason })
                    }
                    None => KitchenEvent::TicketOpened(TicketOpened {
                        ticket_id,
                        order_id,
                        number: state.next_number(),
                        lines: lines.clone(),
                        fulfilment: *fulfilment,
                        answer_by: if wanted_at.is_some() { *answer_by } else { own.min(*answer_by) },
                        wanted_at: *wanted_at,
                    }),
                }])
            }
            C::AcceptTicket { ticket_id, prep_min } => accept(state, kitchen_id, *ticket_id, *prep_min, now),
            C::RejectTicket { ticket_id, reason } => reject(state, kitchen_id, *ticket_id, *reason, now),
            C::DelayTicket { ticket_id, by_min, command_id } => {
                let ticket = find(state, *ticket_id)?;
                if ticket.delays.contains(command_id) {
                    return Ok(vec![]);
                }
                if !(1..=120).contains(by_min) {
                    return Err(No::OutOfRange { field: "/by_min", range: "1 to 120 minutes" });
                }
                if !matches!(ticket.stage, Stage::Accepted | Stage::InKitchen) {
                    return Err(No::WrongStage { stage: ticket.stage });
                }
                if ticket.delays.len() >= DELAYS_MAX {
                    return Err(No::TooManyDelays);
                }
                let ready_at = ticket.ready_at.unwrap_or_else(|| ticket.ready_if_begun(now)).max(now);
                Ok(vec![KitchenEvent::TicketDelayed(TicketDelayed {
                    ticket_id: *ticket_id,
                    order_id: ticket.asked.order_id,
                    by_min: *by_min,
                    ready_at: ready_at.plus_min(i64::from(*by_min)),
                    command_id: *command_id,
                })])
            }
            C::ScheduleFire { ticket_id, fire_at, ready_by } => {
                let ticket = match find(state, *ticket_id)? {
                    ticket if ticket.stage == Stage::Waiting => return Err(No::WrongStage { stage: ticket.stage }),
                    ticket if ticket.stage != Stage::Accepted || ticket.fire_at.is_some() => return Ok(vec![]),
                    ticket => ticket,
                };
                // A delay that was on its way when the order made its plan is not in it: then this one begins earlier.
                let fire_at = (*fire_at).min(ticket.begin_to_be_ready_by(*ready_by));
                let mut facts = vec![KitchenEvent::FireScheduled(FireScheduled { ticket_id: *ticket_id, fire_at })];
                if fire_at <= now {
                    facts.push(fired(ticket, kitchen_id, now));
                }
                Ok(facts)
            }
            C::FireTicket { ticket_id } => match find(state, *ticket_id)? {
                ticket if ticket.stage == Stage::Accepted => begin(ticket, kitchen_id, now),
                ticket if ticket.stage == Stage::Waiting => Err(No::WrongStage { stage: ticket.stage }),
                _ => Ok(vec![]),
            },
            C::ReadyTicket { ticket_id } => ready(state, kitchen_id, *ticket_id, now),
            C::CollectTicket { ticket_id } => collect(state, kitchen_id, *ticket_id),
            C::VoidTicket { order_id, ticket_id } => match state.stage(*ticket_id) {
                Some(Stage::Collected | Stage::Rejected | Stage::Expired | Stage::Voided) => Ok(vec![]),
                _ => Ok(vec![KitchenEvent::TicketVoided(TicketVoided { ticket_id: *ticket_id, order_id: *order_id })]),
            },
            C::Tick => Ok(tick(state, kitchen_id, now)),
        }
    }

    fn evolve(state: &mut KitchenState, event: &KitchenEvent, at: Timestamp) {
        state.apply(event, at);
    }

    fn deadline(state: &KitchenState) -> Option<Deadline<KitchenCommand>> {
        state.due().first().map(|(at, _)| Deadline { at: *at, command: KitchenCommand::Tick })
    }
}

fn open(state: &KitchenState, opened: &Opened) -> Facts {
    if let Some(info) = state.info() {
        if info == opened {
            return Ok(vec![]);
        }
        if (info.kitchen_id, info.court_id) != (opened.kitchen_id, opened.court_id) {
            return Err(No::OtherCourt);
        }
    }
    let out = |field, range| Err(No::OutOfRange { field, range });
    if opened.name.trim().is_empty() || opened.name.len() > 200 {
        return out("/name", "1 to 200 characters long");
    }
    if opened.cuisine.len() > 200 {
        return out("/cuisine", "200 characters long at most");
    }
    if let Some((pointer, problem)) = opened.hours.problem() {
        return Err(No::BadHours { pointer, problem });
    }
    if !(1..=240).contains(&opened.prep_min) {
        return out("/prep_min", "1 to 240 minutes");
    }
    if !(10..=3_600).contains(&opened.answer_within_s) {
        return out("/answer_within_s", "10 to 3600 seconds");
    }
    if !(1..=100_000).contains(&opened.open_tickets_max) {
        return out("/open_tickets_max", "1 to 100000");
    }
    Ok(vec![KitchenEvent::Opened(opened.clone())])
}

fn soon(until: Timestamp, now: Timestamp) -> Result<(), No> {
    if until > now && until <= now.plus_s(UNTIL_MAX_DAYS * 86_400) {
        Ok(())
    } else {
        Err(No::OutOfRange { field: "/until", range: "in the future, within 31 days" })
    }
}

/// An open ticket, or the reason why there is none.
fn find(state: &KitchenState, id: TicketId) -> Result<&Ticket, No> {
    state.open_ticket(id).ok_or_else(|| match state.stage(id) {
        None => No::NoTicket,
        Some(Stage::Expired) => No::Expired,
        Some(Stage::Voided) => No::Voided,
        Some(stage) => No::WrongStage { stage },
    })
}

fn accept(state: &KitchenState, kitchen_id: KitchenId, id: TicketId, prep_min: Option<u32>, now: Timestamp) -> Facts {
    if prep_min.is_some_and(|minutes| !(1..=240).contains(&minutes)) {
        return Err(No::OutOfRange { field: "/prep_min", range: "1 to 240 minutes" });
    }
    if state.stage(id) == Some(Stage::Collected) {
        return Ok(vec![]);
    }
    let ticket = find(state, id)?;
    match ticket.stage {
        Stage::Waiting if ticket.asked.answer_by <= now => Err(No::Expired), // the clock is about to say so
        Stage::Waiting => Ok(vec![KitchenEvent::TicketAccepted(TicketAccepted {
            ticket_id: id,
            order_id: ticket.asked.order_id,
            kitchen_id,
            prep_min: prep_min.unwrap_or(ticket.prep_min),
            number: Some(ticket.asked.number),
        })]),
        _ => Ok(vec![]),
    }
}

fn reject(state: &KitchenState, kitchen_id: KitchenId, id: TicketId, reason: RejectReason, now: Timestamp) -> Facts {
    if state.stage(id) == Some(Stage::Rejected) {
        return Ok(vec![]);
    }
    let ticket = find(state, id)?;
    match ticket.stage {
        Stage::Waiting if ticket.asked.answer_by <= now => Err(No::Expired),
        Stage::Waiting => {
            let order_id = ticket.asked.order_id;
            Ok(vec![KitchenEvent::TicketRejected(TicketRejected { ticket_id: id, order_id, kitchen_id, reason })])
        }
        stage => Err(No::WrongStage { stage }),
    }
}

fn fired(ticket: &Ticket, kitchen_id: KitchenId, now: Timestamp) -> KitchenEvent {
    KitchenEvent::Fired(Fired {
        ticket_id: ticket.asked.ticket_id,
        order_id: ticket.asked.order_id,
        kitchen_id,
        ready_at: ticket.ready_if_begun(now),
    })
}

/// Staff begin by hand: not before all kitchens of the order have answered, or food is cooked for nobody.
fn begin(ticket: &Ticket, kitchen_id: KitchenId, now: Timestamp) -> Facts {
    if ticket.fire_at.is_none() {
        return Err(No::WaitsForOthers);
    }
    Ok(vec![fired(ticket, kitchen_id, now)])
}

fn ready(state: &KitchenState, kitchen_id: KitchenId, id: TicketId, now: Timestamp) -> Facts {
    if state.stage(id) == Some(Stage::Collected) {
        return Ok(vec![]);
    }
    let ticket = find(state, id)?;
    let mut facts = match ticket.stage {
        Stage::Waiting => return Err(No::WrongStage { stage: ticket.stage }),
        Stage::Accepted => begin(ticket, kitchen_id, now)?,
        Stage::InKitchen => vec![],
        _ => return Ok(vec![]),
    };
    let order_id = ticket.asked.order_id;
    facts.push(KitchenEvent::TicketReady(TicketReady { ticket_id: id, order_id, kitchen_id }));
    Ok(facts)
}

fn collect(state: &KitchenState, kitchen_id: KitchenId, id: TicketId) -> Facts {
    if state.stage(id) == Some(Stage::Collected) {
        return Ok(vec![]);
    }
    let ticket = find(state, id)?;
    let may = match ticket.stage {
        Stage::ReadyForCollection => true,
        Stage::Accepted | Stage::InKitchen => ticket.taken_by_rider(),
        _ => false,
    };
    if !may {
        return Err(No::WrongStage { stage: ticket.stage });
    }
    let order_id = ticket.asked.order_id;
    Ok(vec![KitchenEvent::TicketCollected(TicketCollected { ticket_id: id, order_id, kitchen_id })])
}

/// Everything that is due, earliest first.
fn tick(state: &KitchenState, kitchen_id: KitchenId, now: Timestamp) -> Vec<KitchenEvent> {
    let due = state.due().iter().take_while(|(at, _)| *at <= now).take(TICK_MAX);
    due.filter_map(|(_, due)| match due {
        Due::Answer(id) => state.open_ticket(*id).map(|ticket| {
            let order_id = ticket.asked.order_id;
            KitchenEvent::TicketExpired(TicketExpired { ticket_id: *id, order_id, kitchen_id })
        }),
        Due::Fire(id) => state.open_ticket(*id).map(|ticket| fired(ticket, kitchen_id, now)),
        Due::Back(what) => Some(KitchenEvent::BackOnMenu(BackOnMenu { what: *what })),
        Due::Resume => Some(KitchenEvent::Resumed(Resumed {})),
    })
    .collect()
}

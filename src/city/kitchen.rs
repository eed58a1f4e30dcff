//! The people of one kitchen: they watch the board, say yes (or, rarely, no), cook, and hand food over the counter.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    client::{Answer, Call, CallError},
    dice::Dice,
    live::{Heard, Live},
    person::Person,
    wire::{Kitchen, Page, Ticket},
    world::{World, until_evening},
};

/// How one kitchen is run.
struct Temper {
    looks_up_s: f64,
    late_s: f64,
    rejects: f64,
}

/// How one ticket will be handled; rolled when it is first seen.
struct Plan {
    answers_after_s: f64,
    answer: Verdict,
    prep_min: u32,
    delays_by_min: Option<u32>,
    late_s: f64,
}

enum Verdict {
    Accept,
    Reject(&'static str),
    /// Nobody looks at the board in time.
    Ignore,
}

impl Plan {
    fn roll(dice: &mut Dice, temper: &Temper, kitchen: &Kitchen) -> Self {
        let answer = match dice.between(0.0, 1.0) {
            p if p < temper.rejects => {
                Verdict::Reject(dice.pick(&["too_busy", "sold_out", "other"]).copied().unwrap_or("other"))
            }
            p if p < temper.rejects + 0.01 => Verdict::Ignore,
            _ => Verdict::Accept,
        };
        let usual = kitchen.prep_min.clamp(3, 20);
        Self {
            answers_after_s: dice.between(3.0, temper.looks_up_s),
            answer,
            prep_min: dice.whole(usual.saturating_sub(2).max(2), usual + 3),
            delays_by_min: dice.chance(0.08).then(|| dice.whole(2, 6)),
            late_s: dice.between(-30.0, temper.late_s).max(0.0),
        }
    }
}

/// Runs a kitchen until the evening.
pub async fn run(
    world: Arc<World>,
    kitchen: Kitchen,
    staff: Arc<Person>,
    number: u64,
    mut counter: mpsc::Receiver<String>,
) {
    let mut dice = Dice::of(world.options.seed, "kitchen", number);
    let slow = dice.chance(0.25);
    let temper = Temper {
        looks_up_s: if slow { 110.0 } else { 45.0 },
        late_s: if slow { 240.0 } else { 60.0 },
        rejects: if slow { 0.05 } else { 0.025 },
    };
    let topic = format!("kitchen:{}", kitchen.kitchen_id);
    let mut live = Live::open(Arc::clone(&staff), Arc::clone(&world.clock), &[(topic, None)]);
    let hands = Arc::new(Hands { world: Arc::clone(&world), staff, begun: Mutex::default() });
    let mut work = JoinSet::new();
    let mut evening = world.evening.clone();
    let stayed = loop {
        tokio::select! {
            heard = live.next() => match heard {
                Some(Heard::Connected) => {
                    // Whatever was on the board before we looked; afterwards the facts tell.
                    match hands.board(&kitchen.kitchen_id).await {
                        Ok(tickets) => for ticket in tickets {
                            let plan = Plan::roll(&mut dice, &temper, &kitchen);
                            hands.take_up(&mut work, ticket, plan);
                        },
                        Err(error) => world.log.trouble(format!("{} cannot read its board: {error}", kitchen.name)),
                    }
                }
                Some(Heard::Fact { kind, data, .. }) => if let Some(ticket) = told(&kind, &data) {
                    let plan = Plan::roll(&mut dice, &temper, &kitchen);
                    hands.take_up(&mut work, ticket, plan);
                },
                Some(_) => {}
                None => {
                    world.log.trouble(format!("{} lost its board", kitchen.name));
                    break false;
                }
            },
            Some(ticket_id) = counter.recv() => {
                let hands = Arc::clone(&hands);
                work.spawn(async move { hands.hand_over(&ticket_id).await });
            }
            Some(done) = work.join_next() => {
                done.unwrap_or_else(|error| world.log.trouble(format!("a cook fell: {error}")));
            }
            () = until_evening(&mut evening) => break true,
        }
    };
    live.close(stayed).await;
}

/// The ticket a fact is about, if there is something to do.
fn told(kind: &str, data: &Value) -> Option<Ticket> {
    let stage = match kind {
        "ticket.opened" => "waiting",
        "ticket.fired" => "in_kitchen",
        _ => return None,
    };
    let mut ticket: Ticket = serde_json::from_value(data.clone()).ok()?;
    stage.clone_into(&mut ticket.stage);
    Some(ticket)
}

/// What several hands in one kitchen share.
struct Hands {
    world: Arc<World>,
    staff: Arc<Person>,
    /// Ticket and stage that somebody already sees to.
    begun: Mutex<HashSet<(String, String)>>,
}

impl Hands {
    async fn board(&self, kitchen_id: &str) -> Result<Vec<Ticket>, CallError> {
        Ok(self.staff.get::<Page<Ticket>>(format!("/v1/kitchens/{kitchen_id}/tickets")).await?.items)
    }

    fn take_up(self: &Arc<Self>, work: &mut JoinSet<()>, ticket: Ticket, plan: Plan) {
        let fresh = self
            .begun
            .lock()
            .expect("nobody panics while holding the list")
            .insert((ticket.ticket_id.clone(), ticket.stage.clone()));
        if !fresh {
            return;
        }
        let hands = Arc::clone(self);
        match ticket.stage.as_str() {
            "waiting" => work.spawn(async move { hands.answer(ticket, plan).await }),
            "in_kitchen" => work.spawn(async move { hands.cook(ticket, plan).await }),
            _ => return,
        };
    }

    async fn answer(&self, ticket: Ticket, plan: Plan) {
        let clock = &self.world.clock;
        // Even slow people answer within what the board says, unless they do not look at all.
        let left_s = ticket.answer_by.map_or(f64::INFINITY, |by| by.since(clock.now()).as_secs_f64());
        clock.sleep_s(plan.answers_after_s.min(left_s * 0.6)).await;
        let path = format!("/v1/tickets/{}", ticket.ticket_id);
        let call = match plan.answer {
            Verdict::Accept => Call::post(path + "/acceptance").body(json!({"prep_min": plan.prep_min})),
            Verdict::Reject(reason) => Call::post(path + "/rejection").body(json!({"reason": reason})),
            Verdict::Ignore => return,
        };
        self.done("answer a ticket", self.staff.call(&call).await);
    }

    async fn cook(&self, ticket: Ticket, plan: Plan) {
        let clock = &self.world.clock;
        let mut ready_at = ticket.ready_at.unwrap_or_else(|| clock.now());
        if let Some(by_min) = plan.delays_by_min {
            let half = ready_at.since(clock.now()).as_secs_f64() / 2.0;
            clock.sleep_s(half).await;
            let call = Call::post(format!("/v1/tickets/{}/delay", ticket.ticket_id))
                .key(format!("city-{}-delay-{}", self.world.tag, ticket.ticket_id))
                .body(json!({"by_min": by_min}));
            if self.done("delay a ticket", self.staff.call(&call).await) {
                ready_at = ready_at.plus_min(i64::from(by_min));
            }
        }
        clock.sleep_until(ready_at).await;
        clock.sleep_s(plan.late_s).await;
        let call = Call::post(format!("/v1/tickets/{}/ready", ticket.ticket_id));
        self.done("call a ticket ready", self.staff.call(&call).await);
    }

    async fn hand_over(&self, ticket_id: &str) {
        let call = Call::post(format!("/v1/tickets/{ticket_id}/collected"));
        self.done("hand a ticket over", self.staff.call(&call).await);
    }

    /// Whether it worked. A 409 is life: the order ended meanwhile.
    fn done(&self, what: &str, answer: Result<Answer, CallError>) -> bool {
        match answer.and_then(|answer| if answer.status == 409 { Ok(false) } else { answer.done().map(|()| true) }) {
            Ok(done) => done,
            Err(error) => {
                self.world.log.trouble(format!("a kitchen could not {what}: {error}"));
                false
            }
        }
    }
}

//! What a kitchen's facts amount to. Every step costs O(log n) in the tickets: due times stand in one ordered index,
//! closed tickets in a queue that is forgotten from the front. Also the step after somebody has looked, who still holds
//! the state as it was: what grows with the day shares with it whatever has not changed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rpds::{QueueSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{OrderId, TicketId},
    kitchen::{
        event::{EightySix, KitchenEvent, Opened, TicketOpened},
        menu::Menu,
        pace::{Load, Pace},
        ticket::{Begun, Due, Stage, Ticket},
    },
    order::event::{Line, RejectReason},
    time::Timestamp,
};

/// A closed ticket still answers repeats for a day of business time: longer than any order lives.
pub const FORGET_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// At most so many closed tickets are remembered, so that a busy day does not swell the snapshots. A repeat of an
/// older one is stopped by its order's `answer_by`. A guess: ten times the tickets of a very busy kitchen's day.
pub const CLOSED_MAX: usize = 4_096;
/// The newest closed tickets keep their lines, so that the pass can look them up again (recall).
pub const RECALL_MAX: usize = 64;

/// What is left of a ticket that is over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Over {
    order_id: OrderId,
    stage: Stage,
    /// Only the newest keep it; none if the ticket was over before it was opened.
    ticket: Option<Arc<Ticket>>,
}

/// What a kitchen's facts amount to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct KitchenState {
    info: Option<Arc<Opened>>,
    menu: Arc<Menu>,
    #[serde(with = "pairs")]
    sold_out: BTreeMap<EightySix, Option<Timestamp>>,
    paused_until: Option<Timestamp>,
    open: RedBlackTreeMapSync<TicketId, Arc<Ticket>>,
    over: RedBlackTreeMapSync<TicketId, Over>,
    /// Keys of `over` in the order of closing.
    over_since: QueueSync<(Timestamp, TicketId)>,
    /// The newest of them, which keep their lines.
    recalled: QueueSync<TicketId>,
    due: RedBlackTreeSetSync<(Timestamp, Due)>,
    last_number: u64,
    /// Tickets being cooked.
    #[serde(default)]
    cooking: u32,
    /// How long tickets really take.
    #[serde(default)]
    pace: Pace,
}

impl KitchenState {
    /// Name, court, hours, capacity; `None` until the kitchen is opened.
    #[must_use]
    pub fn info(&self) -> Option<&Opened> {
        self.info.as_deref()
    }
    /// The menu in force.
    #[must_use]
    pub fn menu(&self) -> &Arc<Menu> {
        &self.menu
    }
    /// What is off the menu at `now`. An 86 that has run out no longer counts, even before the clock has said so.
    pub fn sold_out(&self, now: Timestamp) -> impl Iterator<Item = EightySix> + '_ {
        self.sold_out.iter().filter(move |(_, until)| until.is_none_or(|until| until > now)).map(|(what, _)| *what)
    }
    /// Whether `what` is off the menu at `now`.
    #[must_use]
    pub fn is_sold_out(&self, what: EightySix, now: Timestamp) -> bool {
        self.sold_out.get(&what).is_some_and(|until| until.is_none_or(|until| until > now))
    }
    /// Since somebody said 86: until when, if by itself.
    #[must_use]
    pub fn off_menu(&self, what: EightySix) -> Option<Option<Timestamp>> {
        self.sold_out.get(&what).copied()
    }
    /// The end of the pause, if the kitchen is paused at `now`.
    #[must_use]
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| *until > now)
    }
    /// The pause as recorded, run out or not.
    pub(super) fn pause_recorded(&self) -> Option<Timestamp> {
        self.paused_until
    }
    /// Whether `now` is within the opening hours.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.info().is_some_and(|info| info.hours.is_open(now))
    }
    /// Whether all hands are busy.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.info().is_some_and(|info| self.open.size() >= usize::try_from(info.open_tickets_max).unwrap_or(usize::MAX))
    }
    /// Minutes the kitchen usually needs for a ticket.
    #[must_use]
    pub fn prep_min(&self) -> u32 {
        self.info().map_or(0, |info| info.prep_min)
    }
    /// When a ticket that is not ready yet should be, at `now`, by what this kitchen's tickets have taught; `None`: it is
    /// ready, gone or unknown. As often earlier as later: what is added to it (ways, waits) is a best guess as well.
    #[must_use]
    pub fn ready_estimate(&self, id: TicketId, now: Timestamp) -> Option<Timestamp> {
        self.ready_with(id, 0.5, now)
    }
    /// The same, such that it is ready by then in `part` (0 to 1) of such cases.
    #[must_use]
    pub fn ready_with(&self, id: TicketId, part: f64, now: Timestamp) -> Option<Timestamp> {
        let ticket = self.open_ticket(id)?;
        let promised = ticket.promised();
        let estimate = match (ticket.stage, ticket.begun) {
            (Stage::InKitchen, Some(begun)) => {
                begun.at.plus(self.pace.work(begun.load, promised, now.since(begun.at), part, now))
            }
            (Stage::Waiting | Stage::Accepted | Stage::InKitchen, _) => {
                let load = Load::beside(self.cooking);
                let start = ticket.fire_at.unwrap_or(now).max(now);
                start.plus(self.pace.work(load, promised, Duration::ZERO, part, now))
            }
            _ => return None,
        };
        // Whoever has announced a delay knows more than any habit.
        let announced = ticket.ready_at.filter(|_| ticket.delay_min > 0);
        Some(announced.map_or(estimate, |announced| estimate.max(announced)))
    }
    /// When it may be ready: equally likely instants, the earliest first; `None` as above.
    #[must_use]
    pub fn ready_likely<const N: usize>(&self, id: TicketId, now: Timestamp) -> Option<[Timestamp; N]> {
        let middle = |place: usize| (place as f64 + 0.5) / N as f64;
        let likely: Vec<Timestamp> = (0..N).filter_map(|place| self.ready_with(id, middle(place), now)).collect();
        likely.try_into().ok()
    }
    /// How many tickets are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.size()
    }
    /// Open tickets, by id.
    pub fn open_tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.open.values().map(Arc::as_ref)
    }
    /// How many closed tickets are remembered.
    #[must_use]
    pub fn closed_count(&self) -> usize {
        self.over.size()
    }
    /// Where a ticket stands; `None` if it is unknown or forgotten.
    #[must_use]
    pub fn stage(&self, id: TicketId) -> Option<Stage> {
        self.open.get(&id).map(|ticket| ticket.stage).or_else(|| self.over.get(&id).map(|over| over.stage))
    }
    /// Of which order a known ticket is.
    #[must_use]
    pub fn order_of(&self, id: TicketId) -> Option<OrderId> {
        self.open.get(&id).map(|ticket| ticket.asked.order_id).or_else(|| self.over.get(&id).map(|over| over.order_id))
    }
    /// An open ticket, or one of the newest closed ones.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        self.open_ticket(id).or_else(|| self.over.get(&id).and_then(|over| over.ticket.as_deref()))
    }
    /// An open ticket.
    pub(super) fn open_ticket(&self, id: TicketId) -> Option<&Ticket> {
        self.open.get(&id).map(Arc::as_ref)
    }
    /// What the clock does, earliest first.
    pub(super) fn due(&self) -> &RedBlackTreeSetSync<(Timestamp, Due)> {
        &self.due
    }
    /// The number of the next ticket.
    pub(super) fn next_number(&self) -> u64 {
        self.last_number + 1
    }
    /// Why the kitchen cannot take a ticket with `lines` at `now`; `None`: it can.
    #[must_use]
    pub fn why_not(&self, lines: &[Line], now: Timestamp) -> Option<RejectReason> {
        let off = |line: &Line| {
            self.is_sold_out(EightySix::Item(line.item_id), now)
                || line.modifiers.iter().any(|chosen| self.is_sold_out(EightySix::Modifier(chosen.modifier_id), now))
        };
        if !self.is_open(now) || self.paused_until(now).is_some() {
            Some(RejectReason::Closed)
        } else if !self.sold_out.is_empty() && lines.iter().any(off) {
            Some(RejectReason::SoldOut)
        } else if self.is_full() {
            Some(RejectReason::TooBusy)
        } else {
            None
        }
    }

    /// Folds one fact recorded at `at`.
    pub(super) fn apply(&mut self, event: &KitchenEvent, at: Timestamp) {
        use KitchenEvent as E;
        match event {
            E::Opened(body) => self.info = Some(Arc::new(body.clone())),
            E::MenuPublished(body) => {
                self.menu = Arc::new(body.menu.clone());
                let gone: Vec<_> = self.sold_out.keys().filter(|what| !self.menu.has(**what)).copied().collect();
                gone.into_iter().for_each(|what| self.back(what));
            }
            E::SoldOut(body) => {
                self.back(body.what);
                self.sold_out.insert(body.what, body.until);
                self.note(body.until.map(|until| (until, Due::Back(body.what))));
            }
            E::BackOnMenu(body) => self.back(body.what),
            E::Paused(body) => {
                self.resume();
                self.paused_until = Some(body.until);
                self.note(Some((body.until, Due::Resume)));
            }
            E::Resumed(_) => self.resume(),
            E::TicketOpened(body) => self.insert(body, at),
            E::TicketAccepted(body) => self.change(body.ticket_id, |ticket| {
                (ticket.stage, ticket.prep_min) = (Stage::Accepted, body.prep_min);
            }),
            E::FireScheduled(body) => self.change(body.ticket_id, |ticket| {
                ticket.fire_at = Some(body.fire_at);
                ticket.ready_at = Some(ticket.ready_if_begun(body.fire_at));
            }),
            E::Fired(body) => {
                let begun = Begun { at, load: Load::beside(self.cooking) };
                self.change(body.ticket_id, |ticket| {
                    (ticket.stage, ticket.ready_at) = (Stage::InKitchen, Some(body.ready_at));
                    ticket.begun = Some(begun);
                });
            }
            E::TicketDelayed(body) => self.change(body.ticket_id, |ticket| {
                ticket.delay_min = ticket.delay_min.saturating_add(body.by_min);
                ticket.ready_at = Some(body.ready_at);
                ticket.delays.push(body.command_id);
            }),
            E::TicketReady(body) => {
                if let Some((ticket, begun)) = self.open_ticket(body.ticket_id).and_then(|it| Some((it, it.begun?))) {
                    let promised = ticket.promised();
                    self.pace.learn(begun.load, promised, at.since(begun.at), at);
                }
                self.change(body.ticket_id, |ticket| ticket.stage = Stage::ReadyForCollection);
            }
            E::TicketRejected(body) => {
                self.change(body.ticket_id, |ticket| ticket.reason = Some(body.reason));
                self.close(body.ticket_id, body.order_id, Stage::Rejected, at);
            }
            E::TicketExpired(body) => self.close(body.ticket_id, body.order_id, Stage::Expired, at),
            E::TicketCollected(body) => self.close(body.ticket_id, body.order_id, Stage::Collected, at),
            E::TicketVoided(body) => self.close(body.ticket_id, body.order_id, Stage::Voided, at),
        }
        self.forget(at);
    }

    fn back(&mut self, what: EightySix) {
        if let Some(Some(until)) = self.sold_out.remove(&what) {
            self.due.remove_mut(&(until, Due::Back(what)));
        }
    }

    fn resume(&mut self) {
        if let Some(until) = self.paused_until.take() {
            self.due.remove_mut(&(until, Due::Resume));
        }
    }

    fn insert(&mut self, asked: &TicketOpened, at: Timestamp) {
        let ticket = Ticket {
            asked: asked.clone(),
            opened_at: at,
            stage: Stage::Waiting,
            prep_min: self.prep_min(),
            delay_min: 0,
            fire_at: None,
            ready_at: None,
            begun: None,
            reason: None,
            delays: Vec::new(),
        };
        self.last_number = self.last_number.max(asked.number);
        self.note(ticket.due());
        self.open.insert_mut(asked.ticket_id, Arc::new(ticket));
    }

    fn note(&mut self, due: Option<(Timestamp, Due)>) {
        if let Some(due) = due {
            self.due.insert_mut(due);
        }
    }

    /// Changes an open ticket and keeps the index of due times in step.
    fn change(&mut self, id: TicketId, how: impl FnOnce(&mut Ticket)) {
        let Some(ticket) = self.open.get_mut(&id).map(Arc::make_mut) else { return };
        if let Some(due) = ticket.due() {
            self.due.remove_mut(&due);
        }
        let before = ticket.stage;
        how(ticket);
        let (due, after) = (ticket.due(), ticket.stage);
        self.note(due);
        match (before == Stage::InKitchen, after == Stage::InKitchen) {
            (false, true) => self.cooking += 1,
            (true, false) => self.cooking = self.cooking.saturating_sub(1),
            _ => {}
        }
    }

    fn close(&mut self, id: TicketId, order_id: OrderId, stage: Stage, at: Timestamp) {
        self.change(id, |ticket| ticket.stage = stage);
        let ticket = self.open.get(&id).cloned();
        self.open.remove_mut(&id);
        let closed_before = self.over.contains_key(&id);
        self.over.insert_mut(id, Over { order_id, stage, ticket });
        if closed_before {
            return; // it keeps its place in the queue
        }
        self.over_since.enqueue_mut((at, id));
        self.recalled.enqueue_mut(id);
        if self.recalled.len() > RECALL_MAX
            && let Some(id) = self.recalled.peek().copied()
        {
            self.recalled.dequeue_mut();
            if let Some(over) = self.over.get_mut(&id) {
                over.ticket = None;
            }
        }
    }

    /// Driven by the facts' own times, so that a replay forgets exactly what the living state forgot.
    fn forget(&mut self, at: Timestamp) {
        while let Some((closed_at, id)) = self.over_since.peek().copied() {
            if self.over_since.len() <= CLOSED_MAX && closed_at.plus(FORGET_AFTER) > at {
                break;
            }
            self.over_since.dequeue_mut();
            self.over.remove_mut(&id);
        }
    }
}

/// Maps whose keys are no text, as JSON: a list of pairs.
mod pairs {
    use super::{BTreeMap, Deserialize, Serialize};
    use serde::{Deserializer, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }
    pub fn deserialize<'de, K, V, D>(d: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(d)?.into_iter().collect())
    }
}

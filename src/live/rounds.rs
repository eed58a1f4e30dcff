//! What a worker's task does, round after round: read its post, tell watchers, obey orders, look at the clock, and write
//! every socket that has something to say once.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::{Rc, Weak},
    sync::Arc,
};

use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::{
    frame::{Framed, Goodbye},
    hub::{Order, Spotted},
    message::{self, Reply},
    recent::Told,
    session::Forget,
    source::ServerTime,
    sse::Queue,
    topic::{Channel, Topic},
    worker::{Entry, Pace, REVOKED_REMEMBERED, Worker, concerns, revoked, slot},
};

/// Facts told before the sockets get their turn.
const FACTS_PER_TURN: usize = 64;

impl Worker {
    /// Runs rounds for as long as the thread lives. A panic costs the post in hand, which the journal has.
    pub(super) async fn supervise(self: Rc<Self>) {
        while let Err(ended) = actix_rt::spawn(Rc::clone(&self).run()).await {
            if ended.is_cancelled() {
                return;
            }
            tracing::error!(error = %ended, "live: a worker's rounds panicked and begin anew");
            self.lose_track();
        }
    }
    /// Facts have not been heard: every watcher reads the journal.
    fn lose_track(&self) {
        self.recent.borrow_mut().clear();
        self.lag.set(self.lag.get() + 1);
        for watchers in self.channels.borrow().values() {
            watchers.iter().for_each(|subscription| subscription.fall_behind());
        }
    }
    async fn run(self: Rc<Self>) {
        let mut ticks = interval(self.limits.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 0_usize.. {
            let mut ticked = false;
            while !ticked {
                tokio::select! {
                    () = self.inbox.bell.notified() => self.read_post().await,
                    _ = ticks.tick() => ticked = true,
                }
                self.flush();
            }
            self.tick(tick);
            self.flush();
        }
    }
    async fn read_post(&self) {
        let post = self.inbox.take();
        // Revocations do not wait behind facts.
        post.orders.into_iter().for_each(|order| self.obey(order));
        if post.overflowed {
            self.lose_track();
        }
        let source = self.hub.source();
        for facts in post.facts.chunks(FACTS_PER_TURN) {
            for fact in facts {
                let told = Told::new(Arc::clone(fact));
                if let Some(watchers) = self.channels.borrow().get(&Channel::Stream(fact.stream)) {
                    watchers.iter().for_each(|subscription| subscription.hear(source.as_ref(), &told));
                }
                self.recent.borrow_mut().add(told);
            }
            self.flush();
            if facts.len() == FACTS_PER_TURN {
                tokio::task::yield_now().await;
            }
        }
        let now = Instant::now();
        for ((topic, rider), spotted) in post.positions {
            self.spot(topic, rider, spotted, now);
        }
    }
    fn spot(&self, topic: Topic, rider: Uuid, spotted: Spotted, now: Instant) {
        if !self.channels.borrow().contains_key(&channel_of(topic, rider)) {
            return; // told to all workers, watched here by nobody
        }
        let mut paces = self.paces.borrow_mut();
        match paces.get_mut(&(topic, rider)) {
            Some(pace) if now - pace.sent_at < self.limits.position_every => pace.waiting = Some(spotted),
            _ => {
                paces.insert((topic, rider), Pace { sent_at: now, waiting: None });
                self.show(topic, rider, &spotted);
            }
        }
    }
    fn show(&self, topic: Topic, rider: Uuid, spotted: &Spotted) {
        let channel = channel_of(topic, rider);
        let channels = self.channels.borrow();
        let mut frames: Vec<(Topic, Framed)> = Vec::new();
        for subscription in channels.get(&channel).into_iter().flatten() {
            let spelling = subscription.access.topic;
            let at = frames.iter().position(|(topic, _)| *topic == spelling).unwrap_or_else(|| {
                frames.push((spelling, message::position(spelling, spotted.fix_seq, &spotted.data)));
                frames.len() - 1
            });
            subscription.position(rider, &frames[at].1);
        }
    }
    fn obey(&self, order: Order) {
        match order {
            Order::CloseSession(_) | Order::CloseUser(_) => {
                self.revoked.borrow_mut().push_back((Instant::now(), order));
                for entry in self.wheel.borrow().iter().flat_map(HashMap::values) {
                    if entry.principal.is_some_and(|principal| concerns(order, &principal)) {
                        entry.shut(revoked());
                    }
                }
                self.streams().filter(|queue| concerns(order, &queue.principal)).for_each(|queue| queue.end(None));
            }
            Order::CloseTopic(user_id, topic) => {
                for entry in self.wheel.borrow().iter().flat_map(HashMap::values) {
                    if entry.principal.is_some_and(|principal| principal.user_id == user_id) {
                        entry.tell(Forget(topic));
                    }
                }
                self.streams()
                    .filter(|queue| (queue.principal.user_id, queue.topic) == (user_id, topic))
                    .for_each(|queue| queue.end(None));
            }
            Order::Drain => {
                for entry in self.wheel.borrow().iter().flat_map(HashMap::values) {
                    entry.shut(self.hub.farewell());
                }
                self.streams().for_each(|queue| queue.end(Some(self.hub.retry_ms())));
            }
            Order::Cut => self.wheel.borrow().iter().flat_map(HashMap::values).for_each(|entry| entry.wire.kill()),
        }
    }
    fn streams(&self) -> impl Iterator<Item = Rc<Queue>> {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|queue| queue.strong_count() > 0);
        streams.iter().filter_map(Weak::upgrade).collect::<Vec<_>>().into_iter()
    }
    fn tick(&self, tick: usize) {
        let now = Instant::now();
        let wheel = self.wheel.borrow();
        wheel[tick % wheel.len()].values().for_each(|entry| entry.wire.ping());
        self.tell_speed(&wheel);
        self.throttled.take().iter().for_each(|wire| wire.wake());
        let due = |queue: &RefCell<VecDeque<(Instant, u64)>>| -> Vec<u64> {
            let mut queue = queue.borrow_mut();
            let due = queue.partition_point(|(at, _)| *at <= now);
            queue.drain(..due).map(|(_, id)| id).collect()
        };
        let entry = |id: u64| wheel[slot(id, wheel.len())].get(&id);
        for entry in due(&self.anonymous).into_iter().filter_map(entry).filter(|entry| entry.principal.is_none()) {
            entry.shut(Goodbye::new(4401, "no hello in time"));
        }
        due(&self.leaving).into_iter().filter_map(entry).for_each(|entry| entry.wire.kill());
        self.revoked.borrow_mut().retain(|(at, _)| now - *at < REVOKED_REMEMBERED);
        let mut ready = Vec::new();
        self.paces.borrow_mut().retain(|spot, pace| {
            if now - pace.sent_at < self.limits.position_every {
                return true;
            }
            let waiting = pace.waiting.take();
            pace.sent_at = now;
            let keep = waiting.is_some();
            ready.extend(waiting.map(|spotted| (*spot, spotted)));
            keep
        });
        ready.iter().for_each(|((topic, rider), spotted)| self.show(*topic, *rider, spotted));
        self.turn.notify_waiters();
    }
    /// Who stamps positions or counts down by an older speed would be off until the next visit.
    fn tell_speed(&self, wheel: &[HashMap<u64, Entry>]) {
        let ServerTime { now, speed } = self.hub.source().time();
        if self.told_speed.replace(speed).to_bits() == speed.to_bits() {
            return;
        }
        let clock = Framed::json(&Reply::Clock { server_time: now, business_speed: speed });
        for entry in wheel.iter().flat_map(HashMap::values).filter(|entry| entry.principal.is_some()) {
            // Who does not read answers is found out by their next one.
            let _read = entry.wire.reply(clock.bytes());
        }
        self.streams().for_each(|queue| queue.clock(&clock));
    }
    fn flush(&self) {
        for wire in self.dirty.take() {
            wire.flush();
        }
    }
}

/// Where a rider's position on a topic is heard.
fn channel_of(topic: Topic, rider: Uuid) -> Channel {
    topic.stream(rider).map_or(Channel::City, Channel::Stream)
}

//! One socket: an actor with its own pump in one task. Facts do not pass its mailbox; they are framed once by the
//! worker and queued on the wire. The mailbox is for control. Reading stands in this file, requests in `requests`.

use std::{
    pin::Pin,
    rc::Rc,
    sync::atomic::Ordering::Relaxed,
    task::{Context as TaskContext, Poll},
};

use actix::{
    Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler, Message, WrapFuture, fut::ActorFutureExt,
};
use bytes::BytesMut;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{
    frame::{self, Framed, Goodbye, unmask},
    hub::Seat,
    inbound::{Bucket, Fragments, Whole},
    message::Reply,
    source::Principal,
    subscription::{self, Membership},
    topic::Topic,
    wire::Wire,
    worker::{Entry, Worker},
};

/// End the session with this goodbye.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shut(pub Goodbye);

/// What the upgrade hands over.
pub struct Seed {
    /// Counted as open until dropped.
    pub seat: Seat,
    /// Known already (native clients) or still to say hello.
    pub principal: Option<Principal>,
}

/// One open socket.
pub struct Session {
    pub(super) id: u64,
    pub(super) wire: Rc<Wire>,
    pub(super) worker: Rc<Worker>,
    pub(super) principal: Option<Principal>,
    /// Nothing more is read until this is done (hello, fixes: their order matters).
    pub(super) busy: bool,
    pub(super) in_flight: u32,
    pub(super) opening: Vec<Topic>,
    pub(super) watching: Vec<Membership>,
    catching_up: bool,
    partial: Vec<u8>,
    /// `partial` may hold whole frames: look before reading more.
    parse_first: bool,
    fragments: Fragments,
    bucket: Bucket,
    leaving: bool,
    shut: bool,
    _seat: Seat,
}

/// What a step of reading led to.
enum Step {
    Again,
    Wait,
    Over,
}

impl Session {
    /// Starts the session of a socket that was taken over; `already` was read with the upgrade.
    pub fn start(io: TcpStream, already: &BytesMut, seed: Seed, worker: &Rc<Worker>) {
        let session = Self {
            id: worker.next_id(),
            wire: Wire::new(io, Rc::clone(worker)),
            worker: Rc::clone(worker),
            principal: seed.principal,
            busy: false,
            in_flight: 0,
            opening: Vec::new(),
            watching: Vec::new(),
            catching_up: false,
            partial: already.to_vec(),
            parse_first: !already.is_empty(),
            fragments: Fragments::default(),
            bucket: Bucket::new(&worker.limits),
            leaving: false,
            shut: false,
            _seat: seed.seat,
        };
        let mut context = Context::new();
        context.spawn(Pump);
        actix_rt::spawn(context.into_future(session));
    }
    /// Answers; a peer that does not read its answers is closed.
    pub(super) fn reply(&mut self, reply: &Reply<'_>) {
        if !self.wire.reply(Framed::json(reply).bytes()) {
            self.leave(&Goodbye::new(4408, "answers are not read"));
        }
    }
    /// Tells the peer who it is.
    pub(super) fn welcome(&mut self, principal: Principal) {
        let (hub, time) = (&self.worker.hub, self.worker.hub.source().time());
        let session: Uuid = hub.ids().next();
        tracing::debug!(session.id = %session, user.id = %principal.user_id, "socket {session} is {}", principal.user_id);
        self.reply(&Reply::Welcome {
            session,
            user_id: principal.user_id,
            server_time: time.now,
            business_speed: time.speed,
        });
    }
    /// Says goodbye. The session ends when the peer has answered, or at the deadline.
    pub(super) fn leave(&mut self, goodbye: &Goodbye) {
        if std::mem::replace(&mut self.leaving, true) {
            return;
        }
        tracing::debug!(code = goodbye.code, "closing a socket: {}", goodbye.reason);
        self.wire.leave(frame::close(goodbye));
        self.watching.clear();
        self.partial = Vec::new();
        self.worker.expect_end(self.id);
        self.wire.wake();
    }
    /// One turn: write on, catch up, read.
    fn turn(&mut self, ctx: &mut Context<Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.wire.remember(cx);
        self.wire.poll_writable(cx);
        if self.wire.take_behind() && !self.catching_up {
            self.catch_up(ctx);
        }
        for _ in 0..self.worker.limits.reads_per_turn {
            if self.wire.is_dead() {
                return Poll::Ready(());
            }
            if self.leaving && !self.shut && self.wire.is_drained() {
                self.shut = true;
                self.wire.shut();
            }
            match self.step(ctx, cx) {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::Over => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref(); // there is more, but others come first
        Poll::Pending
    }
    fn held_back(&mut self) -> bool {
        if self.leaving {
            return false; // what still comes is thrown away until the peer has closed
        }
        if self.busy || self.in_flight >= self.worker.limits.requests_in_flight_max {
            return true; // the answer's future runs in this task and wakes it
        }
        if self.wire.backlog_bytes() > self.worker.limits.backlog_bytes_max / 2 {
            self.wire.want_room();
            return true;
        }
        match self.bucket.may_read(&self.worker.limits) {
            Ok(true) => false,
            Ok(false) => {
                self.worker.throttle(Rc::clone(&self.wire));
                true
            }
            Err(goodbye) => {
                self.leave(&goodbye);
                false
            }
        }
    }
    fn step(&mut self, ctx: &mut Context<Self>, cx: &mut TaskContext<'_>) -> Step {
        if self.held_back() {
            return Step::Wait;
        }
        let worker = Rc::clone(&self.worker);
        let mut scratch = worker.scratch.borrow_mut();
        let mut filled = self.partial.len();
        if filled > scratch.len() {
            self.leave(&Goodbye::new(1009, "too much with the upgrade"));
            return Step::Again;
        }
        if !std::mem::take(&mut self.parse_first) {
            let room = filled + worker.limits.read_bytes_max.min(scratch.len() - filled);
            match self.wire.poll_read(cx, &mut scratch[filled..room]) {
                Poll::Pending => return Step::Wait,
                Poll::Ready(Err(_) | Ok(0)) => return Step::Over,
                Poll::Ready(Ok(read)) => {
                    if self.leaving {
                        return Step::Again;
                    }
                    self.wire.heard();
                    self.bucket.pay(read, &worker.limits);
                    scratch[..filled].copy_from_slice(&self.partial);
                    filled += read;
                }
            }
        } else {
            scratch[..filled].copy_from_slice(&self.partial);
        }
        let rest = self.parse(&mut scratch[..filled], ctx);
        let rest = if self.leaving { filled } else { rest };
        self.partial.clear();
        if rest < filled {
            self.partial.extend_from_slice(&scratch[rest..filled]);
        } else {
            self.partial = Vec::new(); // an idle session holds no buffer
        }
        Step::Again
    }
    /// Handles the whole frames in `bytes`; answers where the rest begins.
    fn parse(&mut self, bytes: &mut [u8], ctx: &mut Context<Self>) -> usize {
        let mut at = 0;
        while !self.leaving {
            if self.busy || self.in_flight >= self.worker.limits.requests_in_flight_max {
                self.parse_first = true;
                break;
            }
            let limits = &self.worker.limits;
            let max =
                if self.principal.is_some() { limits.frame_bytes_max } else { limits.frame_bytes_max_before_hello };
            let head = match frame::head(&bytes[at..], max) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(goodbye) => {
                    self.leave(&goodbye);
                    break;
                }
            };
            let Some(payload) = bytes[at..].get_mut(head.head_bytes..head.head_bytes + head.payload_bytes) else {
                break;
            };
            at += head.head_bytes + head.payload_bytes;
            self.bucket.pay(0, limits);
            unmask(payload, head.mask);
            self.worker.hub.stats().frames_in.fetch_add(1, Relaxed);
            let mut fragments = std::mem::take(&mut self.fragments);
            let taken = fragments.take(head, payload, max, |whole| self.whole(whole, ctx));
            self.fragments = fragments;
            if let Err(goodbye) = taken {
                self.leave(&goodbye);
            }
        }
        at
    }
    fn whole(&mut self, whole: Whole<'_>, ctx: &mut Context<Self>) {
        match whole {
            Whole::Text(text) => self.request(text, ctx),
            Whole::Pong => {}
            Whole::Ping(payload) => {
                if !self.wire.reply(frame::pong(payload)) {
                    self.leave(&Goodbye::new(4408, "answers are not read"));
                }
            }
            Whole::Close(code) => self.leave(&Goodbye::new(code, "")),
        }
    }
    /// Feeds what has fallen behind from the journal, one topic after the other.
    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        let behind = self.watching.iter().map(|place| &place.subscription).find(|watcher| watcher.is_behind());
        let Some(subscription) = behind.map(Rc::clone) else {
            self.catching_up = false;
            return;
        };
        self.catching_up = true;
        let worker = Rc::clone(&self.worker);
        let reading = async move { subscription::catch_up(&worker, &subscription).await };
        ctx.spawn(reading.into_actor(self).map(|(), session, ctx| session.catch_up(ctx)));
    }
}

impl Actor for Session {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        let entry = Entry { wire: Rc::clone(&self.wire), addr: ctx.address(), principal: self.principal };
        self.worker.enter(self.id, entry);
        if self.worker.hub.is_draining() {
            return self.leave(&Goodbye::new(1012, "the server restarts"));
        }
        if let Some(principal) = self.principal {
            self.welcome(principal);
        }
    }
    fn stopped(&mut self, _: &mut Self::Context) {
        self.wire.kill();
        self.watching.clear();
        self.worker.exit(self.id);
    }
}

impl Handler<Shut> for Session {
    type Result = ();
    fn handle(&mut self, Shut(goodbye): Shut, _: &mut Self::Context) {
        self.leave(&goodbye);
    }
}

/// Drives the socket inside the actor's own task.
struct Pump;

impl ActorFuture<Session> for Pump {
    type Output = ();
    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let turned = session.turn(ctx, cx);
        if turned.is_ready() {
            ctx.stop();
        }
        turned
    }
}

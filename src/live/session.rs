//! One socket: an actor with its own pump in one task. Facts do not pass its mailbox; they are framed once by the
//! worker and queued on the wire. The mailbox is for control. Reading stands in `pump`, requests in `requests`.

use std::rc::Rc;

use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture, fut::ActorFutureExt};
use bytes::BytesMut;
use tokio::{net::TcpStream, time::Instant};
use uuid::Uuid;

use super::{
    frame::{self, Framed, Goodbye},
    hub::Seat,
    inbound::{Bucket, Fragments},
    message::Reply,
    pump::Pump,
    source::{Principal, Problem},
    subscription::{self, Membership},
    topic::Topic,
    wire::Wire,
    worker::{Entry, Worker, revoked},
};

/// End the session with this goodbye.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shut(pub Goodbye);

/// End the subscription to this topic: it may no longer be watched.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub Topic);

/// What the upgrade hands over.
pub struct Seed {
    /// Counted as open until dropped.
    pub seat: Seat,
    /// Known already (native clients) or still to say hello.
    pub principal: Option<Principal>,
    /// When it was begun to find out who this is.
    pub asked_at: Instant,
}

/// A subscription that is not yet live.
pub(super) struct Opening {
    pub(super) topic: Topic,
    /// Counts the openings of this session.
    pub(super) number: u64,
    pub(super) handle: SpawnHandle,
}

/// One open socket.
pub struct Session {
    pub(super) id: u64,
    pub(super) wire: Rc<Wire>,
    pub(super) worker: Rc<Worker>,
    pub(super) principal: Option<Principal>,
    pub(super) asked_at: Instant,
    /// Nothing more is read until this is done (hello, fixes: their order matters).
    pub(super) busy: bool,
    pub(super) opening: Vec<Opening>,
    pub(super) openings: u64,
    pub(super) watching: Vec<Membership>,
    pub(super) catching_up: bool,
    pub(super) partial: Vec<u8>,
    /// `partial` may hold whole frames: look before reading more.
    pub(super) parse_first: bool,
    pub(super) fragments: Fragments,
    pub(super) bucket: Bucket,
    pub(super) leaving: bool,
    /// Our side of the connection is closed.
    pub(super) shut: bool,
    /// The peer's goodbye has come: nothing more will.
    pub(super) peer_left: bool,
    /// What comes can no longer be read as frames.
    pub(super) deaf: bool,
    _seat: Seat,
}

impl Session {
    /// Starts the session of a socket that was taken over; `already` was read with the upgrade.
    pub fn start(io: TcpStream, already: &BytesMut, seed: Seed, worker: &Rc<Worker>) {
        let session = Self {
            id: worker.next_id(),
            wire: Wire::new(io, Rc::clone(worker)),
            worker: Rc::clone(worker),
            principal: seed.principal,
            asked_at: seed.asked_at,
            busy: false,
            opening: Vec::new(),
            openings: 0,
            watching: Vec::new(),
            catching_up: false,
            partial: already.to_vec(),
            parse_first: !already.is_empty(),
            fragments: Fragments::default(),
            bucket: Bucket::new(Instant::now(), &worker.limits),
            leaving: false,
            shut: false,
            peer_left: false,
            deaf: false,
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
    /// The peer is known: tells it who it is.
    pub(super) fn known(&mut self, principal: Principal) {
        self.principal = Some(principal);
        self.worker.introduce(self.id, principal);
        if self.worker.is_revoked(&principal, self.asked_at) {
            return self.leave(&revoked());
        }
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
        self.worker.expect_end(self.id);
        self.wire.wake();
    }
    /// Feeds what has fallen behind from the journal, one topic after the other.
    pub(super) fn catch_up(&mut self, ctx: &mut Context<Self>) {
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
            return self.leave(&self.worker.hub.farewell());
        }
        if let Some(principal) = self.principal {
            self.known(principal);
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

impl Handler<Forget> for Session {
    type Result = ();
    fn handle(&mut self, Forget(topic): Forget, ctx: &mut Self::Context) {
        if self.forget(topic, ctx) {
            let problem = Some(Problem::not_found());
            self.reply(&Reply::Unsubscribed { id: None, topic: &topic.to_string(), problem });
        }
    }
}

//! How a session's socket is read and written: the pump that runs inside the actor's own task. Frames are looked for in
//! the worker's scratch buffer; a session keeps only what is left of one.

use std::{
    pin::Pin,
    rc::Rc,
    sync::atomic::Ordering::Relaxed,
    task::{Context as TaskContext, Poll},
};

use actix::{ActorContext, ActorFuture, Context};
use tokio::time::Instant;

use super::{
    frame::{self, Goodbye, Opcode, unmask},
    inbound::Whole,
    session::Session,
};

/// What a step of reading led to.
enum Step {
    Again,
    Wait,
    Over,
}

impl Session {
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
            if self.leaving && self.wire.is_drained() {
                if !std::mem::replace(&mut self.shut, true) {
                    self.wire.shut();
                }
                if self.peer_left {
                    return Poll::Ready(());
                }
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
    /// The next request must wait for those at work.
    fn is_occupied(&self) -> bool {
        self.busy || self.opening.len() >= self.worker.limits.requests_in_flight_max
    }
    fn held_back(&mut self) -> bool {
        if self.leaving {
            return false; // what still comes is thrown away until the peer has closed
        }
        if self.is_occupied() {
            return true; // the answer's future runs in this task and wakes it
        }
        if self.wire.backlog_bytes() > self.worker.limits.backlog_bytes_max / 2 {
            self.wire.want_room();
            return true;
        }
        match self.bucket.may_read(Instant::now(), &self.worker.limits) {
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
        if filled >= scratch.len() {
            self.leave(&Goodbye::new(1009, "too much at once"));
            self.deaf = true;
            self.partial = Vec::new();
            return Step::Again;
        }
        if !std::mem::take(&mut self.parse_first) {
            let room = filled + worker.limits.read_bytes_max.min(scratch.len() - filled);
            match self.wire.poll_read(cx, &mut scratch[filled..room]) {
                Poll::Pending => return Step::Wait,
                Poll::Ready(Err(_) | Ok(0)) => return Step::Over,
                Poll::Ready(Ok(read)) => {
                    if self.deaf {
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
        let rest = if self.deaf { filled } else { rest };
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
        while !self.peer_left && !self.deaf {
            if !self.leaving && self.is_occupied() {
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
                    self.deaf = true;
                    break;
                }
            };
            let Some(payload) = bytes[at..].get_mut(head.head_bytes..head.head_bytes + head.payload_bytes) else {
                break;
            };
            at += head.head_bytes + head.payload_bytes;
            self.bucket.pay(0, limits);
            if self.leaving {
                self.peer_left = head.opcode == Opcode::Close;
                continue;
            }
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
            Whole::Close(code) => {
                self.peer_left = true;
                self.leave(&Goodbye::new(code, ""));
            }
        }
    }
}

/// Drives the socket inside the actor's own task.
pub struct Pump;

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

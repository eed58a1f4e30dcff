//! What a session does with each request. Anything slow is a future of the actor; nothing here waits.

use std::rc::Rc;

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};

use tokio::time::Instant;

use super::{
    frame::{Framed, Goodbye},
    message::{self, Reply, Request, Unreadable},
    session::{Opening, Session},
    source::{Fix, Principal, Problem},
    subscription::{self, Sink},
    topic::Topic,
};

impl Session {
    /// Handles one text message.
    pub(super) fn request(&mut self, text: &str, ctx: &mut Context<Self>) {
        match (message::parse(text), self.principal) {
            (Err(Unreadable::Foreign(why)), _) => self.leave(&Goodbye::new(4400, why)),
            (Ok(Request::Hello { ticket }), None) => self.hello(ticket, ctx),
            (_, None) => self.leave(&Goodbye::new(4401, "hello comes first")),
            (Err(Unreadable::Malformed { id, problem }), _) => self.reply(&Reply::Error { id, problem }),
            (Ok(Request::Hello { .. }), Some(_)) => {
                let problem = Problem::new("/problems/already-known", "Already known", 409, "this socket said hello");
                self.reply(&Reply::Error { id: None, problem });
            }
            (Ok(Request::Ping { id }), _) => self.reply(&Reply::Pong { id }),
            (Ok(Request::Unsubscribe { id, topic }), _) => self.unsubscribe(id, &topic, ctx),
            (Ok(Request::Subscribe { id, topic, after }), Some(principal)) => {
                match topic.parse::<Topic>() {
                    Ok(topic) => self.subscribe(id, topic, after, principal, ctx),
                    Err(not) => self.refuse(id, message::invalid(not.to_string())),
                };
            }
            (Ok(Request::Fixes { id, fixes }), Some(principal)) => self.fixes(id, fixes, principal, ctx),
        }
    }
    fn refuse(&mut self, id: u64, problem: Problem) {
        self.reply(&Reply::Error { id: Some(id), problem });
    }
    fn hello(&mut self, ticket: String, ctx: &mut Context<Self>) {
        self.busy = true;
        self.asked_at = Instant::now();
        let redeeming = self.worker.hub.source().redeem_ticket(ticket);
        ctx.spawn(redeeming.into_actor(self).map(|principal, session, _| {
            session.done();
            match principal {
                Some(principal) => session.known(principal),
                None => session.leave(&Goodbye::new(4401, "ticket is unknown, used or expired")),
            }
        }));
    }
    /// A request is over: there may be room for the next.
    fn done(&mut self) {
        self.busy = false;
        self.wire.wake();
    }
    /// Ends the subscription to a topic, also one that is just beginning; whether there was one.
    pub(super) fn forget(&mut self, topic: Topic, ctx: &mut Context<Self>) -> bool {
        let before = self.watching.len() + self.opening.len();
        self.watching.retain(|place| place.subscription.access.topic != topic);
        self.opening.retain(|opening| opening.topic != topic || !ctx.cancel_future(opening.handle));
        before > self.watching.len() + self.opening.len()
    }
    fn subscribe(&mut self, id: u64, topic: Topic, after: Option<u64>, principal: Principal, ctx: &mut Context<Self>) {
        self.forget(topic, ctx);
        let topics_max = self.worker.limits.topics_max;
        if self.opening.len() + self.watching.len() >= topics_max {
            let detail = format!("a socket watches at most {topics_max} topics");
            return self.refuse(id, Problem::new("/problems/too-many-topics", "Too many topics", 429, detail));
        }
        let (worker, sink) = (Rc::clone(&self.worker), Rc::clone(&self.wire) as Rc<dyn Sink>);
        let begin = move |seq| Some(Framed::json(&Reply::Subscribed { id, topic: &topic.to_string(), seq }));
        let opening = subscription::open(worker, sink, principal, topic, after, begin);
        self.openings += 1;
        let number = self.openings;
        let handle = ctx.spawn(opening.into_actor(self).map(move |opened, session, _| {
            session.wire.wake();
            let Some(at) = session.opening.iter().position(|opening| opening.number == number) else {
                return; // unsubscribed in this very turn
            };
            session.opening.swap_remove(at);
            if session.opening.is_empty() {
                session.opening = Vec::new(); // an idle session holds no list
            }
            match opened {
                Ok(place) => {
                    session.watching.reserve_exact(1); // nearly all watch one topic or two
                    session.watching.push(place);
                }
                Err(problem) => session.refuse(id, problem),
            }
        }));
        self.opening.push(Opening { topic, number, handle });
    }
    fn unsubscribe(&mut self, id: u64, topic: &str, ctx: &mut Context<Self>) {
        match topic.parse::<Topic>() {
            Ok(known) if self.forget(known, ctx) => {
                self.reply(&Reply::Unsubscribed { id: Some(id), topic, problem: None });
            }
            _ => self.refuse(id, Problem::new("/problems/not-subscribed", "Not subscribed", 409, "nothing to end")),
        }
    }
    fn fixes(&mut self, id: u64, fixes: Vec<Fix>, principal: Principal, ctx: &mut Context<Self>) {
        if !principal.rider {
            let problem = Problem::new("/problems/forbidden", "Forbidden", 403, "only riders send fixes");
            return self.refuse(id, problem);
        }
        self.busy = true;
        let taking = self.worker.hub.source().take_fixes(principal, fixes);
        ctx.spawn(taking.into_actor(self).map(move |taken, session, _| {
            session.done();
            match taken {
                Ok(taken) => session.reply(&Reply::FixesTaken { id, taken }),
                Err(problem) => session.refuse(id, problem),
            }
        }));
    }
}

//! What an entity hears without being asked: facts of its stream that were published, perhaps by another node.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;

use super::{Entity, Phase};
use crate::{decider::Decider, event::Recorded};

/// A fact of this stream was published, perhaps by another node.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Published(pub Arc<Recorded>);

impl<D: Decider> Handler<Published> for Entity<D> {
    type Result = ();

    fn handle(&mut self, Published(fact): Published, ctx: &mut Self::Context) {
        if self.phase == Phase::Ready && fact.version == self.version.get() + 1 {
            self.shelf.hide(self.id.id);
            if self.fold(std::slice::from_ref(&*fact)) {
                self.advance(ctx);
            } else {
                self.restart(ctx, Duration::ZERO);
            }
            return;
        }
        // While an append is in flight the state runs ahead of the version, and a read may have begun before this
        // fact; it is looked at when that is over.
        self.heard = self.heard.max(fact.version);
        if self.phase == Phase::Ready {
            self.advance(ctx);
        }
    }
}

/// Breaks the shell itself. For tests of supervision.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Die;

impl<D: Decider> Handler<Die> for Entity<D> {
    type Result = ();

    fn handle(&mut self, _: Die, _: &mut Self::Context) {
        panic!("told to die");
    }
}

//! How people ask: at either node, again when told to come back, and with a log of their own of what they were
//! answered. A yes must be in the journal; a no must have been right at some moment between question and answer.

use std::rc::Rc;

use foodcourt_actors::{
    ask::{Answer, AskError, Seen, Wish},
    decider::{Decider, Origin},
    event::{Event, Version},
    memory::Dice,
    ports::StoredAnswer,
    stream::StreamId,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{counts::Counts, node::Door, world::World};

/// How often a person asks again before giving up: several minutes in all.
const TRIES: u32 = 60;

/// What was acknowledged.
pub struct Promise {
    pub stream: StreamId,
    /// Version of the last fact.
    pub version: Version,
    pub facts: Vec<(&'static str, String)>,
    pub stored: Option<StoredAnswer>,
}

/// A person at a screen.
pub struct Person {
    pub name: String,
    pub dice: Dice,
    /// The node they usually reach.
    pub home: usize,
}

/// What a person was told in the end.
pub enum Told<D: Decider> {
    Yes(Answer<D>),
    No(D::Rejection),
    Stale,
    /// They gave up.
    Nothing,
}

impl<D: Decider> Told<D> {
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Yes(_))
    }
}

impl Person {
    pub fn new(world: &World, name: String, salt: u64) -> Self {
        let mut dice = world.dice(salt);
        let home = usize::from(dice.chance(500));
        Self { name, dice, home }
    }
    /// A node to ask: usually the same, sometimes the load balancer thinks otherwise.
    pub fn node(&mut self) -> usize {
        if self.dice.chance(200) { 1 - self.home } else { self.home }
    }
    /// Some time to think.
    pub async fn wait_s(&mut self, at_least: u64, at_most: u64) {
        let wait_ms = at_least * 1_000 + self.dice.below((at_most - at_least) * 1_000 + 1);
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
    }

    /// Looks at an entity; `None`: not now.
    pub async fn look<D: Door>(&mut self, world: &World, id: Uuid) -> Option<Seen<D::State>> {
        let view = world.view(self.node())?;
        D::of(&view.doors).look(id).await.ok()
    }

    /// Wishes `command` of entity `id`.
    pub async fn ask<D: Door>(&mut self, world: &Rc<World>, id: Uuid, command: D::Command) -> Told<D> {
        self.ask_with(world, id, command, |wish| wish).await
    }

    /// Wishes `command` with what `dress` adds to it, until it is answered.
    pub async fn ask_with<D: Door>(
        &mut self,
        world: &Rc<World>,
        id: Uuid,
        command: D::Command,
        dress: impl Fn(Wish<D>) -> Wish<D>,
    ) -> Told<D> {
        let origin = Origin { cause: None, correlation: world.kernel.ids.next() };
        let stream = StreamId::new(D::CATEGORY, id);
        for attempt in 0..TRIES {
            let Some(view) = world.view(self.node()) else {
                self.wait_s(1, 5).await;
                continue;
            };
            let asked = Moment::now(world, stream);
            let answer = D::of(&view.doors).ask(id, dress(Wish::new(command.clone(), origin))).await;
            let window = Window { stream, from: asked, to: Moment::now(world, stream) };
            match answer {
                Ok(answer) => {
                    world.note(|| format!("{:<10} {stream} {command:?}: yes, {}", self.name, answer.version));
                    acknowledged(world, &window, &command, &answer);
                    return Told::Yes(answer);
                }
                Err(AskError::Rejected(rejection)) => {
                    world.note(|| format!("{:<10} {stream} {command:?}: NO, {rejection}", self.name));
                    refused(world, D::CATEGORY.as_str(), &format!("{rejection:?}"));
                    window.justify::<D>(world, &command, "refused", |decided| decided.is_err());
                    return Told::No(rejection);
                }
                Err(AskError::Stale { actual }) => {
                    refused(world, D::CATEGORY.as_str(), "Stale");
                    if !(window.from.version..=window.to.version).contains(&actual) {
                        world.breach(format!("{stream} was called {actual} and was never there during the call"));
                    }
                    return Told::Stale;
                }
                Err(error) if error.is_retryable() => {
                    world.note(|| format!("{:<10} {stream} {command:?}: later, {error}", self.name));
                    world.count(&format!("told to come back: {}", name(&error)));
                }
                Err(error) => {
                    world.breach(format!("{stream} answers {command:?} with {error}"));
                    return Told::Nothing;
                }
            }
            let pause_ms = 100 + self.dice.below(500 << attempt.min(4));
            world.sleep_ms(pause_ms).await;
        }
        world.note(|| format!("{:<10} {stream} {command:?}: gave up", self.name));
        world.count("gave up");
        if world.is_calm() {
            world.breach(format!("I3: {stream} could not be asked {command:?} in {TRIES} tries in fine weather"));
        }
        Told::Nothing
    }
}

fn name(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// Counts a refusal under its service and its variant's name.
pub fn refused(world: &World, service: &str, rejection: &str) {
    let variant = rejection.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    Counts::one(&mut world.counts.borrow_mut().refusals, &format!("{service}.{variant}"));
}

/// Where a stream was when.
#[derive(Clone, Copy)]
struct Moment {
    at: Timestamp,
    version: Version,
}

impl Moment {
    fn now(world: &World, stream: StreamId) -> Self {
        Self { at: world.now(), version: world.memory.journal.version(stream) }
    }
}

/// The time of a call, with the versions its stream went through.
struct Window {
    stream: StreamId,
    from: Moment,
    to: Moment,
}

impl Window {
    /// Whether the rules say what was answered in one of the states that were current during the call.
    fn justify<D: Decider>(
        &self,
        world: &World,
        command: &D::Command,
        said: &str,
        fits: impl Fn(&Result<Vec<D::Event>, D::Rejection>) -> bool,
    ) {
        let mut state = D::State::default();
        let holds =
            |state: &D::State| [self.from.at, self.to.at].iter().any(|at| fits(&D::decide(state, command, *at)));
        if self.from.version == 0 && holds(&state) {
            return;
        }
        for fact in world.memory.journal.stream(self.stream) {
            if fact.version > self.to.version {
                break;
            }
            let Ok(event) = fact.typed::<D::Event>() else { return };
            D::evolve(&mut state, &event, fact.at);
            if fact.version >= self.from.version && holds(&state) {
                return;
            }
        }
        let (from, to) = (self.from.version, self.to.version);
        world.breach(format!(
            "{} {said} {command:?}, which was right at no version from {from} to {to} that it had during the call",
            self.stream
        ));
    }
}

fn acknowledged<D: Decider>(world: &World, window: &Window, command: &D::Command, answer: &Answer<D>) {
    if answer.events.is_empty() {
        let nothing = |decided: &Result<Vec<D::Event>, D::Rejection>| decided.as_ref().is_ok_and(Vec::is_empty);
        return window.justify::<D>(world, command, "called already true", nothing);
    }
    world.promises.borrow_mut().push(Promise {
        stream: window.stream,
        version: answer.version,
        facts: answer.events.iter().map(|event| (event.kind(), event.encode())).collect(),
        stored: answer.stored.clone(),
    });
}

//! A node of the test: directories on a journal in memory, and this node's side of Redis. What is committed is told to
//! the tap as the feed would.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use foodcourt::redis::{RedisSide, Settings};
use foodcourt_actors::{
    ask::Wish,
    decider::{Decider, Origin},
    demo,
    directory::Directory,
    event::{Recorded, Version},
    ids::{CourtId, ItemId, KitchenId, OrderId, RiderId, TicketId, UserId},
    kitchen::{Kitchen, KitchenCommand},
    memory::MemoryWorld,
    money::{Currency, Money},
    order::{
        Order, OrderCommand,
        event::{Fulfilment, Line, Part, Placed, Totals},
    },
    place::{LocalMap, Position},
    rider::{tracker::Fix, trackers::PositionSink},
    stream::{Category, StreamId},
    time::Timestamp,
};
use uuid::Uuid;

pub const TIMEOUT: Duration = Duration::from_millis(200);
pub const COURT: CourtId = CourtId(Uuid::from_u128(0xc0));

pub fn rider(n: u128) -> RiderId {
    UserId(Uuid::from_u128(0x1000 + n))
}

pub fn fix(seq: u64) -> Fix {
    let court = Position::new(52.52, 13.40).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let position = LocalMap::around(court).to_position([seq as f64, 0.0]);
    let at = Timestamp::from_micros(1_772_366_400_000_000).plus_s(i64::try_from(seq).unwrap());
    Fix { seq, at, position, accuracy_m: 5.0, speed_mps: None, heading_deg: Some(90.0) }
}

/// Remembers all it hears.
#[derive(Default)]
pub struct Heard(Mutex<HashMap<RiderId, Vec<(u64, Fix)>>>);

impl PositionSink for Heard {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        self.0.lock().unwrap().entry(rider_id).or_default().push((fix_seq, *fix));
    }
}

impl Heard {
    pub fn newest(&self, rider_id: RiderId) -> u64 {
        self.0.lock().unwrap().get(&rider_id).and_then(|way| way.last()).map_or(0, |(fix_seq, _)| *fix_seq)
    }
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
    /// Each rider forward only, each position with its own number.
    pub fn check(&self) {
        for (rider_id, way) in &*self.0.lock().unwrap() {
            assert!(way.windows(2).all(|pair| pair[0].0 < pair[1].0), "{rider_id} went back: {way:?}");
            for (fix_seq, heard) in way {
                assert_eq!(heard, &fix(*fix_seq), "a position came with another's number, or changed on its way");
            }
        }
    }
}

pub struct Node {
    pub side: RedisSide,
    pub heard: Arc<Heard>,
    world: MemoryWorld,
    orders: Directory<Order>,
    kitchens: Directory<Kitchen>,
}

impl Node {
    pub fn start(url: &str, node: u128) -> Self {
        Self::with(Settings::new(url, TIMEOUT), node)
    }

    pub fn with(settings: Settings, node: u128) -> Self {
        let world = MemoryWorld::new(7);
        let orders = Directory::<Order>::start(&world.kernel, &[]);
        let kitchens = Directory::<Kitchen>::start(&world.kernel, &[]);
        let clock = Arc::clone(&world.kernel.clock);
        let node = Uuid::from_u128(node);
        let side = RedisSide::start(&settings, node, orders.clone(), kitchens.clone(), clock).unwrap();
        let heard = Arc::new(Heard::default());
        side.feed_positions_to(vec![Arc::clone(&heard) as Arc<dyn PositionSink>]);
        Self { side, heard, world, orders, kitchens }
    }

    /// A rider of this node moves.
    pub fn moves(&self, rider_id: RiderId, fix_seq: u64) {
        self.side.sink().moved(rider_id, fix_seq, &fix(fix_seq));
    }

    /// The fact that a rider's shift has ended is published.
    pub fn ends_shift(&self, rider_id: RiderId) {
        self.side.tap().facts(&[Arc::new(Recorded {
            position: 1,
            stream: StreamId::new(Category::Rider, rider_id.0),
            version: 2,
            event_id: Uuid::nil(),
            kind: "shift.ended".into(),
            body: "{}".into(),
            at: fix(1).at,
            cause: None,
            correlation: Uuid::nil(),
        })]);
    }

    async fn ask<D: Decider>(&self, directory: &Directory<D>, id: Uuid, command: D::Command) -> Version
    where
        D::Rejection: std::fmt::Debug,
    {
        let origin = Origin { cause: None, correlation: Uuid::nil() };
        let answer = directory.ask(id, Wish::new(command, origin)).await.unwrap();
        let stream = StreamId::new(D::CATEGORY, id);
        let after = answer.version - answer.events.len() as u64;
        let facts = self.world.kernel.journal.read(stream, after, 100).await.unwrap();
        self.side.tap().facts(&facts.into_iter().map(Arc::new).collect::<Vec<_>>());
        answer.version
    }

    pub async fn place(&self, n: u128) -> OrderId {
        let order_id = OrderId(Uuid::from_u128(0x0d00 + n));
        self.ask(&self.orders, order_id.0, OrderCommand::Place(Box::new(placed(order_id, &self.world)))).await;
        order_id
    }

    pub async fn order(&self, order_id: OrderId, command: OrderCommand) -> Version {
        self.ask(&self.orders, order_id.0, command).await
    }

    pub async fn open_kitchen(&self) -> KitchenId {
        let kitchen = demo::kitchens().remove(0);
        let id = kitchen.opened.kitchen_id;
        for command in kitchen.commands() {
            self.kitchen(id, command).await;
        }
        id
    }

    pub async fn kitchen(&self, id: KitchenId, command: KitchenCommand) -> Version {
        self.ask(&self.kitchens, id.0, command).await
    }
}

fn placed(order_id: OrderId, world: &MemoryWorld) -> Placed {
    let euros = |cents| Money::new(cents, Currency::EUR);
    let kitchen_id = KitchenId(Uuid::from_u128(0xe0));
    let part = Part {
        kitchen_id,
        kitchen_name: "Noodles".to_owned(),
        ticket_id: TicketId::of(order_id, kitchen_id),
        lines: vec![Line {
            item_id: ItemId(Uuid::from_u128(0xf0)),
            name: "Soup".to_owned(),
            quantity: 1,
            modifiers: vec![],
            note: None,
            unit_price: euros(1_000),
            total: euros(1_000),
        }],
        subtotal: euros(1_000),
        prep_min: 10,
    };
    Placed {
        order_id,
        court_id: COURT,
        customer_id: UserId(Uuid::from_u128(1)),
        quote_id: None,
        fulfilment: Fulfilment::Pickup,
        parts: vec![part],
        totals: Totals {
            items: euros(1_000),
            delivery_fee: euros(0),
            service_fee: euros(0),
            tax: euros(70),
            tip: euros(0),
            total: euros(1_000),
        },
        handoff: Position::new(52.52, 13.40).unwrap(),
        dropoff: None,
        contact_id: None,
        payment_method: "pm_ok".to_owned(),
        wanted_at: None,
        pay_by: world.kernel.clock.now().plus_min(5),
        proof: Default::default(),
    }
}

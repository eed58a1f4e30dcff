//! The world that is loaded: a court with kitchens, people, and what they order. Written through the same ports that
//! the server uses, before it starts. Tokens are signed here with the server's own key, because signing thousands of
//! people in would measure argon2.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use foodcourt::{
    app::database,
    config::Config,
    ids::RandomIds,
    ports::CourtEntry,
    postgres::{
        Database,
        courts::PostgresCourts,
        journal::{JournalLimits, PgJournal},
    },
    token::{SigningKey, Tokens},
};
use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    demo,
    directory::Directory,
    ids::{CourtId, KitchenId, UserId},
    kitchen::{
        Kitchen, KitchenCommand,
        event::Opened,
        menu::{Hours, Menu},
    },
    limits::Limits,
    order::court::Court,
    place::{LocalMap, Position},
    ports::{Ids, Kernel},
    time::{Clock, Timestamp},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

/// People who share the work of one kitchen: one person may call 600 times a minute.
pub const CREW: usize = 8;

/// How large a world.
#[derive(Clone, Copy)]
pub struct Scale {
    pub customers: usize,
    pub kitchens: usize,
    pub crew: usize,
    pub riders: usize,
    pub multi_kitchen_per_cent: u64,
    pub pickup: bool,
}

/// A world in a temporary folder, which goes with it.
pub struct World {
    pub folder: TempDir,
    pub scale: Scale,
    pub court: Court,
    pub kitchens: Vec<KitchenId>,
    /// Bodies of `POST /v1/orders`.
    pub bodies: Vec<Vec<u8>>,
    tokens: Tokens,
}

/// The machine's clock.
pub struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
    fn wall_until(&self, at: Timestamp) -> Duration {
        at.since(self.now())
    }
}

fn named(kind: &str, number: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}/{number}").as_bytes())
}

impl World {
    /// Makes the world.
    pub async fn make(scale: Scale) -> Self {
        let folder = tempfile::Builder::new().prefix("foodcourt-bench").tempdir().unwrap();
        // PostgreSQL runs as somebody else under root, and has to pass through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let mut config = Config::load(None).unwrap();
        config.data.dir = folder.path().join("data");
        let opened = database::open(&config).await.unwrap();
        let journal = PgJournal::start(&opened.settings, opened.database.clone(), JournalLimits::default()).await;
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let journal = Arc::new(journal.unwrap());
        let kernel = Kernel { journal, clock: Arc::new(Wall), ids: Arc::clone(&ids), limits: Limits::default() };

        let demo_court = demo::courts().remove(0);
        let court = Court { court_id: CourtId(named("court", 0)), name: "Bench".to_owned(), ..demo_court };
        let kitchens: Vec<KitchenId> = (0..scale.kitchens).map(|n| KitchenId(named("kitchen", n))).collect();
        let entry = CourtEntry { court: court.clone(), kitchens: kitchens.clone() };
        PostgresCourts::new(opened.database.clone()).put(&entry).await.unwrap();
        let directory = Directory::<Kitchen>::start(&kernel, &[]);
        let menu = demo::kitchens().remove(0).menu;
        for (number, kitchen_id) in kitchens.iter().enumerate() {
            let opened = Opened {
                kitchen_id: *kitchen_id,
                court_id: court.court_id,
                name: format!("Kitchen {number}"),
                cuisine: "All of it".to_owned(),
                hours: Hours::always(&court.time_zone),
                prep_min: 1,
                answer_within_s: 3_600,
                open_tickets_max: 100_000,
            };
            for command in [KitchenCommand::Open(opened), KitchenCommand::PublishMenu { menu: menu.clone() }] {
                let origin = Origin { cause: None, correlation: ids.next() };
                directory.ask(kitchen_id.0, Wish::new(command, origin)).await.unwrap();
            }
        }
        people(&opened.database, &scale, &kitchens).await;
        let key = SigningKey::at(&config.data.dir.join("signing.key")).unwrap();
        let tokens =
            Tokens::new(&key, &config.server.public_url, foodcourt::token::ACCESS_TOKEN_S, Arc::new(Wall)).unwrap();
        opened.private.unwrap().stop().await;
        let bodies = (0..512).map(|n| body(&scale, &court, &kitchens, &menu, n)).collect();
        Self { folder, scale, court, kitchens, bodies, tokens }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }
    /// A fresh token of somebody; good for five minutes.
    pub fn token(&self, who: Uuid) -> String {
        self.tokens.issue(UserId(who), RandomIds.next(), RandomIds.next())
    }
    /// Fresh tokens of all customers; good for five minutes.
    pub fn customers(&self) -> Vec<String> {
        (0..self.scale.customers).map(|n| self.token(named("customer", n))).collect()
    }
    /// Fresh tokens of a kitchen's crew.
    pub fn crew(&self, kitchen: usize) -> Vec<String> {
        (0..self.scale.crew).map(|n| self.token(named("crew", kitchen * self.scale.crew + n))).collect()
    }
    /// Fresh tokens of all riders.
    pub fn riders(&self) -> Vec<String> {
        (0..self.scale.riders).map(|n| self.token(named("rider", n))).collect()
    }
    /// Where a rider waits: within 900 m of the court.
    pub fn stand(&self, rider: usize) -> Position {
        around(&self.court, rider, 900.0)
    }
}

/// A place near the court, spread as a sunflower spreads its seeds.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn around(court: &Court, number: usize, radius_m: f64) -> Position {
    let (n, turn) = ((number % 2_000) as f64, 2.399_963);
    let distance = radius_m * ((n + 0.5) / 2_000.0).sqrt();
    let angle = n * turn;
    LocalMap::around(court.position).to_position([distance * angle.cos(), distance * angle.sin()])
}

/// A basket of three lines, over one kitchen or two.
fn body(scale: &Scale, court: &Court, kitchens: &[KitchenId], menu: &Menu, number: usize) -> Vec<u8> {
    let multi = (number as u64 * 37) % 100 < scale.multi_kitchen_per_cent && kitchens.len() > 1;
    let lines: Vec<Value> = (0..3)
        .map(|line| {
            let kitchen = kitchens[(number + usize::from(multi && line == 2)) % kitchens.len()];
            let item = &menu.items[(number + line) % menu.items.len()];
            let chosen: Vec<_> = item
                .modifier_groups
                .iter()
                .flat_map(|group| group.modifiers.iter().take(group.min as usize))
                .map(|modifier| modifier.modifier_id)
                .collect();
            json!({ "kitchen_id": kitchen, "item_id": item.item_id, "quantity": 1 + line % 2, "modifiers": chosen })
        })
        .collect();
    let mut basket = json!({ "court_id": court.court_id, "fulfilment": "pickup", "lines": lines });
    let mut order = json!({ "payment_method": "pm_ok" });
    if !scale.pickup {
        basket["fulfilment"] = "delivery".into();
        basket["dropoff"] = json!(around(court, number * 3, 2_000.0));
        order["contact"] =
            json!({ "name": "Mia Sommer", "phone": "+49 30 1234567", "address": "Hafenstr. 12, 3rd floor" });
    }
    order["basket"] = basket;
    serde_json::to_vec(&order).unwrap()
}

/// Everybody, in three statements.
async fn people(database: &Database, scale: &Scale, kitchens: &[KitchenId]) {
    const ACCOUNT: &str = "
insert into account (user_id, email, display_name, password_hash, roles)
select user_id, user_id || '@bench', 'Somebody', '-', array[$2] from unnest($1::uuid[]) as user_id";
    const MEMBER: &str = "
insert into kitchen_member (user_id, kitchen_id) select * from unnest($1::uuid[], $2::uuid[])";
    let ids = |kind: &str, count: usize| (0..count).map(|n| named(kind, n)).collect::<Vec<_>>();
    let crew = ids("crew", scale.kitchens * scale.crew);
    let places: Vec<Uuid> = (0..crew.len()).map(|n| kitchens[n / scale.crew].0).collect();
    for (people, role) in [
        (&ids("customer", scale.customers), "customer"),
        (&crew, "vendor_staff"),
        (&ids("rider", scale.riders), "rider"),
    ] {
        database.execute(ACCOUNT, &[people, &role]).await.unwrap();
    }
    database.execute(MEMBER, &[&crew, &places]).await.unwrap();
}

/// Where a server listens.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

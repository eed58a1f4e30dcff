//! The demo world: courts, kitchens, accounts and a district that exist nowhere but here. Plain data with ids
//! derived from names, so that every machine seeds the same world and seeding twice changes nothing.

mod cards;
pub mod district;
mod route;
mod streets;
#[cfg(test)]
mod tests;

use uuid::Uuid;

pub use cards::kitchens;

use crate::{
    event::Version,
    ids::{CourtId, KitchenId, UserId},
    kitchen::{KitchenCommand, event::Opened, menu::Menu},
    money::{Currency, Money},
    order::court::Court,
    user::Role,
};

/// Password of every demo account: no secret, since demo accounts exist only where the demo is switched on.
pub const PASSWORD: &str = "foodcourt-demo";

/// A kitchen of the demo.
#[derive(Clone, Debug)]
pub struct DemoKitchen {
    /// The kitchen.
    pub opened: Opened,
    /// Its card.
    pub menu: Menu,
    /// The word in its staff's address: `ramen@demo`.
    pub word: &'static str,
}

impl DemoKitchen {
    /// The wishes that bring it about; all already true the second time.
    #[must_use]
    pub fn commands(&self) -> [KitchenCommand; 2] {
        [KitchenCommand::Open(self.opened.clone()), KitchenCommand::PublishMenu { menu: self.menu.clone() }]
    }

    /// Those of them that have not been decided in a kitchen of `version` facts. What its staff made of it since is
    /// theirs to keep, also over a restart.
    pub fn missing(&self, version: Version) -> impl Iterator<Item = KitchenCommand> {
        self.commands().into_iter().skip(usize::try_from(version).unwrap_or(usize::MAX))
    }
}

/// Somebody who can log in to the demo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemoAccount {
    /// Who.
    pub user_id: UserId,
    /// Name to log in with.
    pub email: String,
    /// Password to log in with.
    pub password: &'static str,
    /// Name on the pages.
    pub display_name: String,
    /// What they are.
    pub role: Role,
    /// Where they work, if they are staff.
    pub kitchens: Vec<KitchenId>,
}

fn id(kind: &str, word: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("foodcourt:demo/{kind}/{word}").as_bytes())
}
/// The food court at the river: six kitchens.
#[must_use]
pub fn kranhalle() -> CourtId {
    CourtId(id("court", "kranhalle"))
}
/// The restaurant at the lock: a court with one kitchen.
#[must_use]
pub fn schleuse() -> CourtId {
    CourtId(id("court", "schleuse"))
}
/// The kitchen called `word`.
#[must_use]
pub fn kitchen_id(word: &str) -> KitchenId {
    KitchenId(id("kitchen", word))
}
/// The account of `email`.
#[must_use]
pub fn user_id(email: &str) -> UserId {
    UserId(id("user", email))
}

/// Both courts.
#[must_use]
pub fn courts() -> Vec<Court> {
    let court = |court_id, name: &str, position, delivery_fee, service_fee_basis_points| Court {
        court_id,
        name: name.to_owned(),
        position,
        time_zone: district::TIME_ZONE.to_owned(),
        currency: Currency::EUR,
        delivery_fee: Money::new(delivery_fee, Currency::EUR),
        service_fee_basis_points,
        fee_tax_basis_points: 1_900,
        delivery_radius_m: 3_000,
        proof: Default::default(),
    };
    vec![
        court(kranhalle(), "Kranhalle Weidenhafen", district::kranhalle(), 290, 250),
        court(schleuse(), "Zur Alten Schleuse", district::schleuse(), 350, 0),
    ]
}

/// A customer, the crew of each kitchen, one person for all kitchens, five riders and an admin.
#[must_use]
pub fn accounts() -> Vec<DemoAccount> {
    let account = |email: String, display_name: &str, role, kitchens| DemoAccount {
        user_id: user_id(&email),
        email,
        password: PASSWORD,
        display_name: display_name.to_owned(),
        role,
        kitchens,
    };
    let all = kitchens();
    let ids = all.iter().map(|kitchen| kitchen.opened.kitchen_id).collect();
    let mut accounts = vec![
        account("customer@demo".to_owned(), "Mia Sommer", Role::Customer, vec![]),
        account("staff@demo".to_owned(), "Pass of all kitchens", Role::VendorStaff, ids),
        account("admin@demo".to_owned(), "Ada Quist", Role::Admin, vec![]),
    ];
    accounts.extend(all.iter().map(|kitchen| {
        let (email, crew) = (format!("{}@demo", kitchen.word), format!("Crew of {}", kitchen.opened.name));
        account(email, &crew, Role::VendorStaff, vec![kitchen.opened.kitchen_id])
    }));
    let riders = ["Jonas Falk", "Leyla Aydın", "Oskar Brandt", "Noor Haddad", "Tilda Ekström"];
    accounts.extend((1..).zip(riders).map(|(n, name)| account(format!("rider{n}@demo"), name, Role::Rider, vec![])));
    accounts
}

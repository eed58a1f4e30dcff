//! The user service: accounts, roles and sessions as values and pure rules. Not a journal entity: an account has
//! no history worth replaying. Storing, hashing and signing stand behind [`accounts`] and in the server.

pub mod accounts;
pub mod credentials;
pub mod revocation;
pub mod session;
pub mod throttle;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{KitchenId, UserId},
    user::credentials::{DisplayName, Email},
};

/// What a person may be; one account can be several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Orders food.
    Customer,
    /// Works in one or more kitchens.
    VendorStaff,
    /// Brings food to the door.
    Rider,
    /// Runs the court.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Customer, Self::VendorStaff, Self::Rider, Self::Admin];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::VendorStaff => "vendor_staff",
            Self::Rider => "rider",
            Self::Admin => "admin",
        }
    }
    /// The role of that word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A person or machine that can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user_id: UserId,
    /// Where mail reaches them; unique, without regard to case.
    pub email: Email,
    /// How they want to be called.
    pub display_name: DisplayName,
    /// What they may be.
    pub roles: Vec<Role>,
    /// The kitchens they work in.
    pub kitchens: Vec<KitchenId>,
}

impl Account {
    /// Whether the account has `role`.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

//! Who may do what, as data: every operation has a row in `routes`, every row names its callers and whose thing it
//! touches. What is somebody else's answers like what is absent. A test walks all rows with own, foreign and random ids.

use std::collections::BTreeSet;

use foodcourt_actors::{
    dispatch::DeliveryState,
    ids::KitchenId,
    order::{projection::Role as Reader, state::Known},
    user::Role,
};

use super::{
    principal::Principal,
    problem::{FORBIDDEN, Problem},
};

/// Who may call an operation at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, signed in or not.
    Anyone,
    /// Everybody signed in.
    SignedIn,
    /// Accounts with one of these roles.
    Only(&'static [Role]),
}

/// Whose thing the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's: there is no id in the address, or what it names is public.
    Nobodys,
    /// An order: its customer; its rider and its kitchens' staff for reading; admins.
    Order,
    /// A kitchen: its staff, admins.
    Kitchen,
    /// A ticket: the staff of its kitchen, admins.
    Ticket,
    /// A delivery: its rider; its order's customer for reading; admins.
    Delivery,
    /// An offer: the rider it was made to.
    Offer,
}

impl Who {
    /// Lets `principal` in.
    ///
    /// # Errors
    /// 403 when the account lacks the role: that says nothing about any object, the documentation says as much.
    pub fn admit(self, principal: &Principal) -> Result<(), Problem> {
        match self {
            Self::Anyone | Self::SignedIn => Ok(()),
            Self::Only(roles) if roles.iter().any(|role| principal.is(*role)) => Ok(()),
            Self::Only(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                Err(Problem::new(FORBIDDEN, format!("only for accounts with the role {}", names.join(" or "))))
            }
        }
    }
}

/// As whom `principal` may look at `order`; `None`: not at all.
#[must_use]
pub fn reader_of(principal: &Principal, order: &Known) -> Option<Reader> {
    if principal.is(Role::Admin) {
        return Some(Reader::Admin);
    }
    if order.placed.customer_id == principal.user_id() {
        return Some(Reader::Customer);
    }
    let brings = order.rider.is_some_and(|rider| rider.rider_id == principal.user_id());
    if brings && !order.status.is_final() {
        return Some(Reader::Rider);
    }
    let own: BTreeSet<KitchenId> = order
        .placed
        .parts
        .iter()
        .map(|part| part.kitchen_id)
        .filter(|kitchen_id| principal.works_in(*kitchen_id))
        .collect();
    // A kitchen hears of an order when it is paid, not before.
    (!own.is_empty() && order.paid.is_some()).then_some(Reader::KitchenStaff(own))
}

/// Whether `principal` brings this delivery now.
#[must_use]
pub fn brings(principal: &Principal, delivery: &DeliveryState) -> bool {
    delivery.is_brought_by(principal.user_id())
}

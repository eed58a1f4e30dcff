//! What a customer feels like: a basket over one or several kitchens, made from menus as the server shows them.

use foodcourt_actors::place::Position;
use serde_json::{Value, json};

use super::{
    client::{Call, CallError},
    dice::Dice,
    person::Person,
    streets::Streets,
    wire::{Court, Kitchen, Menu, MenuItem, Page},
};

/// A wish before it meets a menu.
pub struct Appetite {
    /// From more than one kitchen.
    pub several_kitchens: bool,
    /// The customer comes to the counter.
    pub pickup: bool,
}

impl Appetite {
    /// What a customer feels like today.
    pub fn roll(dice: &mut Dice) -> Self {
        Self { several_kitchens: dice.chance(0.33), pickup: dice.chance(0.25) }
    }
}

/// A basket, and what must come back in the order.
pub struct Basket {
    /// As the API takes it.
    pub body: Value,
    /// Kitchen, item, quantity.
    pub wanted: Vec<(String, String, u32)>,
}

impl Basket {
    /// Looks around and composes one. `None`: nothing is open.
    ///
    /// # Errors
    /// What reading courts, kitchens or menus met.
    pub async fn compose(
        person: &Person,
        appetite: &Appetite,
        streets: &Streets,
        dice: &mut Dice,
    ) -> Result<Option<Self>, CallError> {
        let courts: Page<Court> = person.get("/v1/courts").await?;
        let mut choices = Vec::new();
        for court in &courts.items {
            let kitchens: Page<Kitchen> = person.get(format!("/v1/kitchens?court_id={}", court.court_id)).await?;
            let open = kitchens.items.into_iter().filter(|kitchen| kitchen.open_now && kitchen.paused_until.is_none());
            choices.push((court, open.collect::<Vec<_>>()));
        }
        // A court draws as many people as it has kitchens; who wants several goes where there are several.
        let wishes = if appetite.several_kitchens { 2 } else { 1 };
        let draws: Vec<usize> = choices
            .iter()
            .enumerate()
            .filter(|(_, (_, open))| open.len() >= wishes)
            .flat_map(|(at, (_, open))| vec![at; open.len()])
            .collect();
        let Some(at) = dice.pick(&draws) else { return Ok(None) };
        let (court, mut open) = choices.swap_remove(*at);
        dice.shuffle(&mut open);
        open.truncate(if appetite.several_kitchens { 2 + usize::from(dice.chance(0.2)) } else { 1 });
        let mut lines = Vec::new();
        let mut wanted = Vec::new();
        for kitchen in open {
            let path = format!("/v1/kitchens/{}/menu", kitchen.kitchen_id);
            let menu: Menu = person.call(&Call::get(path)).await?.read()?;
            let mut dishes: Vec<&MenuItem> = menu.items.iter().filter(|item| !item.sold_out).collect();
            dice.shuffle(&mut dishes);
            for dish in dishes.into_iter().take(dice.whole(1, 2) as usize) {
                let Some(modifiers) = choose(dish, dice) else { continue };
                let quantity = dice.whole(1, 3);
                wanted.push((kitchen.kitchen_id.clone(), dish.item_id.clone(), quantity));
                let mut line = json!({"kitchen_id": kitchen.kitchen_id, "item_id": dish.item_id, "quantity": quantity,
                    "modifiers": modifiers});
                if dice.chance(0.15) {
                    line["note"] = json!(dice.pick(&["no onions please", "extra hot", "sauce apart"]));
                }
                lines.push(line);
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let fulfilment = if appetite.pickup { "pickup" } else { "delivery" };
        let mut body = json!({"court_id": court.court_id, "fulfilment": fulfilment, "lines": lines});
        if dice.chance(0.4) {
            body["tip"] = json!({"amount": dice.whole(1, 6) * 50, "currency": court.currency});
        }
        if !appetite.pickup {
            let door = door(court, streets, dice);
            body["dropoff"] = json!({"lat": door.lat(), "lon": door.lon()});
        }
        Ok(Some(Self { body, wanted }))
    }
    /// From how many kitchens.
    pub fn kitchens(&self) -> usize {
        let mut kitchens: Vec<_> = self.wanted.iter().map(|(kitchen, ..)| kitchen).collect();
        kitchens.sort_unstable();
        kitchens.dedup();
        kitchens.len()
    }
}

/// What the groups of a dish ask for, or `None` where too much of it is sold out.
fn choose(dish: &MenuItem, dice: &mut Dice) -> Option<Vec<String>> {
    let mut chosen = Vec::new();
    for group in &dish.modifier_groups {
        let mut there: Vec<_> = group.modifiers.iter().filter(|modifier| !modifier.sold_out).collect();
        if there.len() < group.min as usize {
            return None;
        }
        dice.shuffle(&mut there);
        let few = group.max.min(group.min + 1).max(group.min);
        let count = dice.whole(group.min, few) as usize;
        chosen.extend(there.into_iter().take(count).map(|modifier| modifier.modifier_id.clone()));
    }
    Some(chosen)
}

/// A door beside a street, well within the court's reach.
fn door(court: &Court, streets: &Streets, dice: &mut Dice) -> Position {
    let reach_m = (court.delivery_radius_m * 0.85).min(2_500.0);
    let corner = streets.some_corner(court.position, reach_m, dice);
    let door = streets.beside(corner, 8.0, dice);
    if door.distance_m(court.position) < court.delivery_radius_m { door } else { corner }
}

//! Bodies that "Try it out" begins with: right in shape, and where the demo's ids are known ahead, right as they are.

use foodcourt_actors::demo::{self, district};
use serde_json::{Value, json};

/// A body to begin with; `None` where the shape says enough, or there is no body.
#[must_use]
pub fn body(operation: &str) -> Option<Value> {
    let account = || json!({ "email": "customer@demo", "password": demo::PASSWORD });
    Some(match operation {
        "register" => json!({ "email": "mia@example.org", "password": "correct horse", "display_name": "Mia" }),
        "sign_in" => account(),
        "refresh_session" | "sign_out" => json!({ "refresh_token": "the refresh_token of POST /v1/auth/token" }),
        "create_quote" => basket(),
        "place_order" => json!({
            "basket": basket(),
            "payment_method": "pm_ok",
            "contact": { "name": "Mia Sommer", "phone": "+49 30 5550123", "address": "Am Kran 7" },
        }),
        "cancel_order" => json!({ "reason": "changed my mind" }),
        "sell_out" => json!({ "item_id": dish().1 }),
        "accept_ticket" => json!({ "prep_min": 9 }),
        "reject_ticket" => json!({ "reason": "sold_out" }),
        "delay_ticket" => json!({ "by_min": 5 }),
        "start_shift" => json!({ "vehicle": "bicycle", "capacity": 2 }),
        "move_shift_end" => json!({ "until": null }),
        "delivered" => json!({ "pin": "4821" }),
        "read_inbox" => json!({ "version": 1 }),
        "set_clock" => json!({ "speed": 20 }),
        "add_riders" => json!({ "count": 5 }),
        _ => return None,
    })
}

/// What is to be filled into a parameter.
#[must_use]
pub fn parameter(name: &str) -> &'static str {
    match name {
        "id" => "To be filled in: the id as a list or an earlier answer gives it.",
        "what" => "To be filled in: the item_id or modifier_id as the menu gives it.",
        "Idempotency-Key" => {
            "A new one for each new wish (a UUID will do); the same again with the same body gives the first answer again."
        }
        "limit" => "Items of a page, 1 to 100; 50 without it.",
        "cursor" => "The next_cursor of the page before; leave it empty for the first.",
        "court_id" => "Only kitchens of this court.",
        "status" => "Only orders in this state, such as placed or delivered.",
        _ => "",
    }
}

/// The first dish of the demo's food court that asks no questions, and its kitchen.
fn dish() -> (Value, Value) {
    let kitchens = demo::kitchens().into_iter().filter(|kitchen| kitchen.opened.court_id == demo::kranhalle());
    let mut dishes = kitchens.flat_map(|kitchen| {
        let plain = kitchen.menu.items.into_iter().find(|item| item.modifier_groups.iter().all(|group| group.min == 0));
        plain.map(|item| (json!(kitchen.opened.kitchen_id), json!(item.item_id)))
    });
    dishes.next().unwrap_or_default()
}

fn basket() -> Value {
    let (kitchen_id, item_id) = dish();
    let door = district::address(7).position;
    json!({
        "court_id": demo::kranhalle(),
        "fulfilment": "delivery",
        "lines": [{ "kitchen_id": kitchen_id, "item_id": item_id, "quantity": 2 }],
        "dropoff": { "lat": door.lat(), "lon": door.lon() },
    })
}

//! A kitchen's card and what is off it.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ids::{ItemId, KitchenId, ModifierId},
    kitchen::{
        KitchenCommand,
        event::EightySix,
        menu::{Menu, MenuItem, Modifier, ModifierGroup},
        projection::{self, MenuItemView},
    },
    money::Money,
    ports::Ids,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    body::Body,
    kitchen::{look, own, wish},
    principal::{PathId, Principal},
    problem::Problem,
    state::Services,
};

/// A kitchen's card.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MenuBody {
    /// Whose.
    kitchen_id: KitchenId,
    /// In the order of the card.
    items: Vec<MenuItemView>,
}

/// Body of `PUT /v1/kitchens/{id}/menu`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{
    "name": "Jollof rice", "section": "Mains", "price": { "amount": 250_000, "currency": "NGN" },
    "modifier_groups": [{ "name": "How hot?", "min": 1, "max": 1, "modifiers": [
        { "name": "Mild", "price": { "amount": 0, "currency": "NGN" } },
        { "name": "Hot", "price": { "amount": 0, "currency": "NGN" } }
    ] }]
}] }))]
pub struct MenuRequest {
    /// All of it.
    items: Vec<ItemRequest>,
}

/// A dish or drink.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ItemRequest {
    /// Its id, stable over menus; absent: a new one.
    #[serde(default)]
    item_id: Option<ItemId>,
    /// Its name.
    name: String,
    /// One sentence.
    #[serde(default)]
    description: String,
    /// Heading on the card.
    #[serde(default)]
    section: String,
    /// Price of one, tax included.
    price: Money,
    /// Tax contained in the price, in ten-thousandths.
    #[serde(default)]
    tax_basis_points: u32,
    /// Questions the guest answers.
    #[serde(default)]
    modifier_groups: Vec<GroupRequest>,
}

/// Options of which `min` to `max` are chosen.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupRequest {
    /// The question.
    name: String,
    /// At least so many.
    min: u32,
    /// At most so many.
    max: u32,
    /// The options.
    modifiers: Vec<OptionRequest>,
}

/// One option.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct OptionRequest {
    /// Its id, stable over menus; absent: a new one.
    #[serde(default)]
    modifier_id: Option<ModifierId>,
    /// Its name.
    name: String,
    /// What it adds.
    price: Money,
}

/// Body of `POST /v1/kitchens/{id}/sold_out`: one of the two ids.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SoldOutRequest {
    /// A dish.
    #[serde(default)]
    item_id: Option<ItemId>,
    /// Or one option, wherever it is offered.
    #[serde(default)]
    modifier_id: Option<ModifierId>,
    /// It returns by itself then; absent: when somebody says so.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// `GET /v1/kitchens/{id}/menu`
///
/// # Errors
/// 404.
pub async fn show(services: Data<Services>, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    answer(&services, KitchenId(id)).await
}

/// `PUT /v1/kitchens/{id}/menu`
///
/// # Errors
/// 404, 422.
pub async fn publish(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<MenuRequest>,
) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    let menu = Menu { items: body.value.items.into_iter().map(|wish| item(wish, services.ids.as_ref())).collect() };
    in_currency(&services, kitchen_id, &menu).await?;
    wish(&services, kitchen_id, KitchenCommand::PublishMenu { menu }).await?;
    answer(&services, kitchen_id).await
}

/// `POST /v1/kitchens/{id}/sold_out`
///
/// # Errors
/// 404, 422.
pub async fn sell_out(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<SoldOutRequest>,
) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    let SoldOutRequest { item_id, modifier_id, until } = body.value;
    let what = match (item_id, modifier_id) {
        (Some(item), None) => EightySix::Item(item),
        (None, Some(modifier)) => EightySix::Modifier(modifier),
        _ => return Err(Problem::field("/item_id", "send either item_id or modifier_id")),
    };
    wish(&services, kitchen_id, KitchenCommand::EightySix { what, until }).await?;
    answer(&services, kitchen_id).await
}

/// `DELETE /v1/kitchens/{id}/sold_out/{what}`
///
/// # Errors
/// 404.
pub async fn bring_back(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    let what = request.match_info().get("what").and_then(|text| Uuid::try_parse(text).ok());
    let what = what.ok_or_else(Problem::not_found)?;
    let state = look(&services, kitchen_id).await?.state;
    let both = [EightySix::Item(ItemId(what)), EightySix::Modifier(ModifierId(what))];
    let known = both.into_iter().find(|what| state.menu().has(*what) || state.off_menu(*what).is_some());
    let what = known.ok_or_else(Problem::not_found)?;
    wish(&services, kitchen_id, KitchenCommand::BringBack { what }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn answer(services: &Services, kitchen_id: KitchenId) -> Result<HttpResponse, Problem> {
    let seen = look(services, kitchen_id).await?;
    seen.state.info().ok_or_else(Problem::not_found)?;
    let items = projection::menu(&seen.state, services.clock.now()).items;
    Ok(HttpResponse::Ok().json(MenuBody { kitchen_id, items }))
}

/// Refuses prices in another currency than the court's: nobody could order them. All of a menu are in one currency, as
/// the kitchen itself says, so that its first speaks for all.
async fn in_currency(services: &Services, kitchen_id: KitchenId, menu: &Menu) -> Result<(), Problem> {
    let (Some(first), Some(court_id)) =
        (menu.items.first(), look(services, kitchen_id).await?.state.info().map(|info| info.court_id))
    else {
        return Ok(());
    };
    match services.courts.find(court_id).await? {
        Some((entry, _)) if entry.court.currency != first.price.currency => {
            Err(Problem::field("/items/0/price/currency", format!("must be the court's, {}", entry.court.currency)))
        }
        _ => Ok(()),
    }
}

fn item(wish: ItemRequest, ids: &dyn Ids) -> MenuItem {
    let option = |wish: OptionRequest| Modifier {
        modifier_id: wish.modifier_id.unwrap_or_else(|| ModifierId(ids.next())),
        name: wish.name,
        price: wish.price,
    };
    let group = |wish: GroupRequest| ModifierGroup {
        name: wish.name,
        min: wish.min,
        max: wish.max,
        modifiers: wish.modifiers.into_iter().map(option).collect(),
    };
    MenuItem {
        item_id: wish.item_id.unwrap_or_else(|| ItemId(ids.next())),
        name: wish.name,
        description: wish.description,
        section: wish.section,
        price: wish.price,
        tax_basis_points: wish.tax_basis_points,
        modifier_groups: wish.modifier_groups.into_iter().map(group).collect(),
    }
}

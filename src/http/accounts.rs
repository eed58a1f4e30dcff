//! Accounts as those who run the court see them: found by address, given roles and kitchens.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use foodcourt_actors::{
    ask::Wish,
    event::Version,
    ids::{CourtId, KitchenId, UserId},
    rider::RiderCommand,
    user::Role,
};
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    body::Body,
    court::done,
    cursor::{Page, page_limit, query},
    etag,
    kitchen::look,
    principal::{PathId, Principal},
    problem::{BAD_REQUEST, NOT_ACCEPTABLE_NOW, Problem, of_ask},
    state::Services,
};
use crate::ports::{AccountEntry, Changed, NewAccess};

/// Kitchens of one account at most.
const KITCHENS_MAX: usize = 200;

/// Answer of `GET /v1/admin/accounts`.
pub type AccountPage = Page<AccountBody>;

/// An account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AccountBody {
    /// Who.
    user_id: UserId,
    /// The address they sign in with.
    email: String,
    /// How they want to be called.
    display_name: String,
    /// What they may be.
    roles: Vec<Role>,
    /// Where they work.
    kitchens: Vec<KitchenId>,
    /// For `If-Match`; grows with every change of roles and kitchens.
    version: Version,
}

impl From<AccountEntry> for AccountBody {
    fn from(AccountEntry { account, version }: AccountEntry) -> Self {
        Self {
            user_id: account.user_id,
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.as_str().to_owned(),
            roles: account.roles,
            kitchens: account.kitchens,
            version,
        }
    }
}

/// Body of `PUT /v1/admin/accounts/{id}/roles`: all that the account may be from now on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "roles": ["vendor_staff"], "kitchens": ["0b6c7a52-58c1-4d0b-9d3c-2f4a9f3e7d10"] }))]
pub struct RolesRequest {
    /// All roles; none: the account can only look at itself.
    roles: Vec<Role>,
    /// For `vendor_staff`: the kitchens they work in.
    #[serde(default)]
    kitchens: Vec<KitchenId>,
    /// For `vendor_staff`: courts whose present kitchens they all work in.
    #[serde(default)]
    courts: Vec<CourtId>,
}

/// `GET /v1/admin/accounts?email=`
///
/// # Errors
/// 400 for a cursor that is none, 422 for a limit out of range, 503.
pub async fn list(request: HttpRequest, services: Data<Services>) -> Result<HttpResponse, Problem> {
    let limit = page_limit(&request)?;
    let wrong = || Problem::new(BAD_REQUEST, "cursor must be a next_cursor of this list, unchanged");
    let text = |cursor: String| URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after = query(&request, "cursor").map(|cursor| text(cursor).ok_or_else(wrong)).transpose()?;
    let prefix = query(&request, "email").unwrap_or_default().trim().to_lowercase();
    if prefix.len() > 254 || prefix.contains('\0') || after.as_deref().is_some_and(|after| after.contains('\0')) {
        return Err(Problem::field("?email", "must be the beginning of an e-mail address"));
    }
    let mut entries = services.account_book.list(prefix, after, limit + 1).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let last = entries.last().filter(|_| more);
    let next_cursor = last.map(|last| URL_SAFE_NO_PAD.encode(last.account.email.as_str()));
    let items = entries.into_iter().map(AccountBody::from).collect();
    Ok(HttpResponse::Ok().json(AccountPage { items, next_cursor }))
}

/// `GET /v1/admin/accounts/{id}`
///
/// # Errors
/// 404, 503.
pub async fn show(services: Data<Services>, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let found = services.account_book.find(UserId(id)).await?;
    Ok(answer(found.ok_or_else(Problem::not_found)?))
}

/// `PUT /v1/admin/accounts/{id}/roles`
///
/// # Errors
/// 404, 409 for taking the admin from oneself or a rider's role while they carry food, 412, 422, 503.
pub async fn change(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<RolesRequest>,
) -> Result<HttpResponse, Problem> {
    let (user_id, expected) = (UserId(id), etag::if_match(&request)?);
    let roles: BTreeSet<Role> = body.value.roles.iter().copied().collect();
    let kitchens = kitchens(&services, &roles, &body.value).await?;
    if user_id == principal.user_id() && !roles.contains(&Role::Admin) {
        let detail = "nobody takes the admin from themselves; another admin, or foodcourt admin add, decides";
        return Err(Problem::new(NOT_ACCEPTABLE_NOW, detail));
    }
    let before = services.account_book.find(user_id).await?.ok_or_else(Problem::not_found)?;
    if expected.is_some_and(|expected| expected != before.version) {
        done(Changed::<()>::Stale { actual: before.version })?;
    }
    if before.account.is(Role::Rider) && !roles.contains(&Role::Rider) {
        end_shift(&services, user_id).await?;
    }
    let access = NewAccess {
        user_id,
        roles: roles.iter().copied().collect(),
        kitchens: kitchens.into_iter().collect(),
        expected,
        now: services.wall.now(),
    };
    let (entry, ended) = done(services.account_book.change(access).await?)?;
    services.identities.forget(user_id);
    ended.iter().for_each(|session| services.identities.end(*session));
    info!(by = %principal.user_id(), account = %user_id, ?roles, "an account's roles were set");
    Ok(answer(entry))
}

/// The kitchens named, by themselves or by their courts.
async fn kitchens(
    services: &Services,
    roles: &BTreeSet<Role>,
    wished: &RolesRequest,
) -> Result<BTreeSet<KitchenId>, Problem> {
    let names_kitchens = !wished.kitchens.is_empty() || !wished.courts.is_empty();
    if names_kitchens && !roles.contains(&Role::VendorStaff) {
        let pointer = if wished.kitchens.is_empty() { "/courts" } else { "/kitchens" };
        return Err(Problem::field(pointer, "are for the role vendor_staff only"));
    }
    if roles.contains(&Role::VendorStaff) && !names_kitchens {
        let detail = "vendor_staff needs at least one kitchen here, or a court in courts";
        return Err(Problem::field("/kitchens", detail));
    }
    if wished.kitchens.len() > KITCHENS_MAX || wished.courts.len() > KITCHENS_MAX {
        return Err(Problem::field("/kitchens", format!("must be {KITCHENS_MAX} at most")));
    }
    let mut all = BTreeSet::new();
    for (index, &kitchen_id) in wished.kitchens.iter().enumerate() {
        if look(services, kitchen_id).await?.state.info().is_none() {
            return Err(Problem::field(format!("/kitchens/{index}"), "there is no such kitchen"));
        }
        all.insert(kitchen_id);
    }
    for (index, &court_id) in wished.courts.iter().enumerate() {
        let found = services.courts.find(court_id).await?;
        let (entry, _) = found.ok_or_else(|| Problem::field(format!("/courts/{index}"), "there is no such court"))?;
        all.extend(entry.kitchens);
    }
    if all.len() > KITCHENS_MAX {
        return Err(Problem::field("/courts", format!("must have {KITCHENS_MAX} kitchens at most, all together")));
    }
    Ok(all)
}

/// Takes somebody who is to be no rider any more off duty; nobody else could hand over the food they carry.
async fn end_shift(services: &Services, user_id: UserId) -> Result<(), Problem> {
    let ended = services.riders.ask(user_id.0, Wish::new(RiderCommand::EndShift, services.origin())).await;
    ended.map_err(|error| {
        of_ask(error, |rejection| {
            let detail = format!("they are a rider until their deliveries are over or unassigned: {rejection}");
            Problem::new(NOT_ACCEPTABLE_NOW, detail)
        })
    })?;
    services.trackers.forget(user_id);
    Ok(())
}

fn answer(entry: AccountEntry) -> HttpResponse {
    HttpResponse::Ok().insert_header(("etag", etag::of(entry.version))).json(AccountBody::from(entry))
}

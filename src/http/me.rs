//! Who I am.

use actix_web::HttpResponse;
use foodcourt_actors::{
    ids::{KitchenId, UserId},
    user::Role,
};
use serde::Serialize;

use super::principal::Principal;

/// Answer of `GET /v1/me`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me {
    /// My id.
    user_id: UserId,
    /// My address.
    email: String,
    /// My name.
    display_name: String,
    /// What I may be.
    roles: Vec<Role>,
    /// Where I work.
    kitchens: Vec<KitchenId>,
}

/// `GET /v1/me`
pub async fn show(principal: Principal) -> HttpResponse {
    let account = &principal.account;
    HttpResponse::Ok().json(Me {
        user_id: account.user_id,
        email: account.email.as_str().to_owned(),
        display_name: account.display_name.as_str().to_owned(),
        roles: account.roles.clone(),
        kitchens: account.kitchens.clone(),
    })
}

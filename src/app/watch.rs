//! What sockets and event streams may see: the live side's port, on directories, journal and accounts.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use foodcourt_actors::{
    directory::Directory,
    event::{Event, Recorded, Version},
    ids::{KitchenId, UserId},
    kitchen::{self, Kitchen},
    notification::{self, Inbox},
    order::{self, Order, event::OrderEvent},
    ports::{BoxError, Journal},
    rider::{self, Rider, event::RiderEvent, trackers::Trackers},
    stream::{Category, StreamId},
    time::{Clock, Timestamp},
    user::Role,
};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};

use crate::{
    clock::BusinessClock,
    http::{auth::hash_of, identity::Identities, live::watcher, principal::Principal as SignedIn},
    live::{
        source::{Access, Fix, LiveSource, Principal, Problem, ServerTime, Taken, View},
        topic::Topic,
    },
    ports::{LiveTickets, Views},
};

/// Tickets live this long after they were given out; the session must have outlived it.
const TICKET_S: i64 = 60;
/// Riders in the city's first picture; the others appear as they move.
const CITY_RIDERS_MAX: u32 = 5_000;

/// The live side's view of the server.
#[derive(Clone)]
pub struct Watch {
    /// Orders.
    pub orders: Directory<Order>,
    /// Kitchens.
    pub kitchens: Directory<Kitchen>,
    /// Riders.
    pub riders: Directory<Rider>,
    /// Inboxes.
    pub inboxes: Directory<Inbox>,
    /// History.
    pub journal: Arc<dyn Journal>,
    /// Who is who.
    pub identities: Identities,
    /// Browsers' tickets.
    pub tickets: Arc<dyn LiveTickets>,
    /// Riders' fixes; set before the first socket opens.
    pub trackers: Arc<OnceLock<Arc<Trackers>>>,
    /// Who is on shift, for the city.
    pub views: Arc<dyn Views>,
    /// Business time.
    pub clock: Arc<BusinessClock>,
    /// Wall time.
    pub wall: Arc<dyn Clock>,
}

impl Watch {
    async fn access(self, principal: Principal, topic: Topic) -> Result<Access, Problem> {
        let expires_at = self.wall.now().plus_s(TICKET_S);
        let person = self.identities.holder(principal.user_id, principal.session_id, expires_at).await;
        let person = person.map_err(|problem| {
            if actix_web::ResponseError::status_code(&problem).is_server_error() {
                Problem::unavailable()
            } else {
                Problem::not_found()
            }
        })?;
        let view = match topic {
            Topic::Order(id) => self.order_view(&person, id).await?,
            Topic::Kitchen(id) => {
                let exists = self.kitchens.look(id).await.map_err(|_| Problem::unavailable())?.version > 0;
                // A kitchen's menu, 86 and pauses are public; its tickets are the staff's.
                if !exists {
                    None
                } else if person.works_in(KitchenId(id)) {
                    Some(View::Kitchen)
                } else {
                    Some(View::Owner)
                }
            }
            Topic::Rider(id) if person.is(Role::Rider) && id == principal.user_id.0 => Some(View::Owner),
            Topic::Rider(_) if person.is(Role::Admin) => Some(View::Admin),
            Topic::RiderMe if person.is(Role::Rider) => Some(View::Owner),
            Topic::Inbox => Some(View::Owner),
            Topic::City if person.is(Role::Admin) => Some(View::Admin),
            Topic::Rider(_) | Topic::RiderMe | Topic::City => None,
        };
        let view = view.ok_or_else(Problem::not_found)?;
        Ok(Access { topic, stream: topic.stream(principal.user_id.0), view })
    }

    async fn order_view(&self, person: &SignedIn, id: uuid::Uuid) -> Result<Option<View>, Problem> {
        let seen = self.orders.look(id).await.map_err(|_| Problem::unavailable())?;
        let Some(order) = seen.state.order() else { return Ok(None) };
        let me = person.user_id();
        Ok(if order.placed.customer_id == me {
            Some(View::Owner)
        } else if person.is(Role::Admin) {
            Some(View::Admin)
        } else if order.rider.is_some_and(|rider| rider.rider_id == me) && !order.status.is_final() {
            // Brought, and over: the door is forgotten.
            Some(View::Rider)
        } else {
            None
        })
    }

    async fn snapshot_of(self, access: Access) -> Result<(Version, Value), Problem> {
        let away = |_| Problem::unavailable();
        let data = |value: Result<Value, serde_json::Error>| value.map_err(|_| Problem::unavailable());
        let Some(stream) = access.stream else {
            let on_shift = self.views.riders_on_shift(CITY_RIDERS_MAX).await.map_err(|_| Problem::unavailable())?;
            let spot = |rider_id: UserId| {
                let fix = self.trackers.get()?.current(rider_id)?;
                let (lat, lon) = (fix.position.lat(), fix.position.lon());
                Some(
                    json!({ "rider_id": rider_id, "lat": lat, "lon": lon, "at": fix.at, "heading_deg": fix.heading_deg }),
                )
            };
            return Ok((0, json!({ "riders": on_shift.into_iter().filter_map(spot).collect::<Vec<_>>() })));
        };
        Ok(match stream.category {
            Category::Order => {
                let seen = self.orders.look(stream.id).await.map_err(away)?;
                let view = order::projection::view(&order_role(access.view), &seen.state, seen.version);
                (seen.version, data(serde_json::to_value(view))?)
            }
            Category::Kitchen => {
                let seen = self.kitchens.look(stream.id).await.map_err(away)?;
                let board = kitchen::projection::board(reader(access.view), &seen.state, self.clock.now());
                (seen.version, data(serde_json::to_value(board))?)
            }
            Category::Rider => {
                let seen = self.riders.look(stream.id).await.map_err(away)?;
                let view = rider::projection::view(UserId(stream.id), &seen.state, seen.version);
                (seen.version, data(serde_json::to_value(view))?)
            }
            Category::Inbox => {
                let seen = self.inboxes.look(stream.id).await.map_err(away)?;
                (seen.version, data(serde_json::to_value(notification::projection::inbox(&seen.state)))?)
            }
            Category::Payment | Category::Delivery => return Err(Problem::not_found()),
        })
    }
}

fn order_role(view: View) -> order::projection::Role {
    match view {
        View::Owner => order::projection::Role::Customer,
        View::Kitchen => order::projection::Role::KitchenStaff(BTreeSet::new()),
        View::Rider => order::projection::Role::Rider,
        View::Support | View::Admin => order::projection::Role::Admin,
    }
}

fn reader(view: View) -> kitchen::projection::Reader {
    match view {
        View::Kitchen | View::Admin => kitchen::projection::Reader::Staff,
        View::Owner | View::Rider | View::Support => kitchen::projection::Reader::Public,
    }
}

/// Reads a recorded fact as one of `E` and shows it by `show`.
fn shown<E: Event>(fact: &Recorded, show: impl Fn(&E) -> Option<Value>) -> Option<Value> {
    fact.typed::<E>().ok().as_ref().and_then(show)
}

impl LiveSource for Watch {
    fn redeem_ticket(&self, ticket: String) -> BoxFuture<'static, Option<Principal>> {
        let watch = self.clone();
        async move {
            let holder = watch.tickets.redeem(hash_of(&ticket)).await.ok()??;
            let expires_at = watch.wall.now().plus_s(TICKET_S);
            watch
                .identities
                .holder(holder.user_id, holder.session_id, expires_at)
                .await
                .ok()
                .map(|person| watcher(&person))
        }
        .boxed()
    }

    fn bearer(&self, token: String) -> BoxFuture<'static, Option<Principal>> {
        let identities = self.identities.clone();
        async move { identities.principal(&token).await.ok().map(|person| watcher(&person)) }.boxed()
    }

    fn authorize(&self, principal: Principal, topic: Topic) -> BoxFuture<'static, Result<Access, Problem>> {
        self.clone().access(principal, topic).boxed()
    }

    fn snapshot(&self, access: Access) -> BoxFuture<'static, Result<(Version, Value), Problem>> {
        self.clone().snapshot_of(access).boxed()
    }

    fn read_after(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Arc<Recorded>>, BoxError>> {
        let reading = self.journal.read(stream, after, limit);
        async move { Ok(reading.await?.into_iter().map(Arc::new).collect()) }.boxed()
    }

    fn project(&self, view: View, fact: &Recorded) -> Option<Value> {
        match fact.stream.category {
            Category::Order => shown(fact, |event: &OrderEvent| order::projection::event_for(&order_role(view), event)),
            Category::Kitchen => kitchen::projection::event_for(reader(view), fact),
            Category::Rider => {
                let role = match view {
                    View::Owner => rider::projection::Role::Themselves,
                    View::Admin | View::Support => rider::projection::Role::Staff,
                    View::Kitchen | View::Rider => rider::projection::Role::Stranger,
                };
                shown(fact, |event: &RiderEvent| rider::projection::event_for(role, event))
            }
            Category::Inbox => notification::projection::event_for(UserId(fact.stream.id), fact),
            Category::Payment | Category::Delivery => None,
        }
    }

    fn take_fixes(&self, principal: Principal, fixes: Vec<Fix>) -> BoxFuture<'static, Result<Taken, Problem>> {
        let (trackers, riders) = (Arc::clone(&self.trackers), self.riders.clone());
        async move {
            let seen = riders.look(principal.user_id.0).await.map_err(|_| Problem::unavailable())?;
            if seen.state.shift.is_none() {
                let detail = "positions are taken on duty only: start a shift first";
                return Err(Problem::new("/problems/not-acceptable-now", "Not acceptable now", 409, detail));
            }
            let fixes = fixes.into_iter().map(|fix| rider::tracker::Fix {
                seq: fix.seq,
                at: fix.at,
                position: fix.position,
                accuracy_m: fix.accuracy_m,
                speed_mps: fix.speed_mps,
                heading_deg: fix.heading_deg,
            });
            let taken = trackers.get().ok_or_else(Problem::unavailable)?.take(principal.user_id, fixes.collect());
            Ok(Taken {
                accepted: taken.accepted,
                late: taken.late,
                quarantined: taken.quarantined,
                fix_seq: taken.fix_seq,
            })
        }
        .boxed()
    }

    fn time(&self) -> ServerTime {
        let now: Timestamp = self.clock.now();
        ServerTime { now, speed: self.clock.speed() }
    }
}

//! Tickets for browsers' sockets: whichever node redeems one first has it.

use foodcourt_actors::ids::UserId;
use futures_util::FutureExt as _;

use super::{connect::DatabaseError, pool::Database};
use crate::ports::{Away, LiveTickets, Promise, TicketHolder};

/// Tickets in PostgreSQL, on the database's clock.
#[derive(Clone)]
pub struct PostgresLiveTickets {
    database: Database,
    life_s: f64,
}

impl PostgresLiveTickets {
    /// Tickets of `database`, each good for `life_s` seconds.
    #[must_use]
    pub fn new(database: Database, life_s: u32) -> Self {
        Self { database, life_s: f64::from(life_s) }
    }

    async fn insert(&self, ticket: [u8; 32], holder: TicketHolder) -> Result<(), DatabaseError> {
        const SQL: &str = "
insert into live_ticket (ticket_sha256, user_id, session_id, expires_at)
values ($1, $2, $3, now() + make_interval(secs => $4))";
        let params: super::pool::Params<'_> =
            &[&ticket.as_slice(), &holder.user_id.0, &holder.session_id, &self.life_s];
        self.database.execute(SQL, params).await?;
        Ok(())
    }

    async fn take(&self, ticket: [u8; 32]) -> Result<Option<TicketHolder>, DatabaseError> {
        const SQL: &str = "
delete from live_ticket where ticket_sha256 = $1
returning user_id, session_id, expires_at > now()"; // live_ticket_pkey
        let Some(row) = self.database.query_opt(SQL, &[&ticket.as_slice()]).await? else { return Ok(None) };
        let holder = TicketHolder { user_id: UserId(row.try_get(0)?), session_id: row.try_get(1)? };
        Ok(row.try_get::<_, bool>(2)?.then_some(holder))
    }
}

impl LiveTickets for PostgresLiveTickets {
    fn keep(&self, ticket: [u8; 32], holder: TicketHolder) -> Promise<()> {
        let this = self.clone();
        async move { this.insert(ticket, holder).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn redeem(&self, ticket: [u8; 32]) -> Promise<Option<TicketHolder>> {
        let this = self.clone();
        async move { this.take(ticket).await.map_err(|error| Away(error.into())) }.boxed()
    }
}

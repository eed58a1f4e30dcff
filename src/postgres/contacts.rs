//! Personal data of orders, written by the journal together with `order.placed`, erasable.

use foodcourt_actors::{ids::ContactId, ports::Contact};

use super::{connect::DatabaseError, pool::Database};

/// The contact, unless it never was or has been erased.
///
/// # Errors
/// [`DatabaseError`].
pub async fn contact(database: &Database, contact_id: ContactId) -> Result<Option<Contact>, DatabaseError> {
    const SQL: &str = "select body::text from contact where contact_id = $1 and erased_at is null"; // contact_pkey
    let row = database.query_opt(SQL, &[&contact_id.0]).await?;
    row.map(|row| Ok(Contact { contact_id, body: row.try_get(0)? })).transpose()
}

/// Erases the contact for good; a later append cannot bring it back. `false`: there was none, or not any more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn erase_contact(database: &Database, contact_id: ContactId) -> Result<bool, DatabaseError> {
    const SQL: &str = "
update contact
   set body = null,
       erased_at = now()
 where contact_id = $1
   and erased_at is null"; // contact_pkey
    Ok(database.execute(SQL, &[&contact_id.0]).await? > 0)
}

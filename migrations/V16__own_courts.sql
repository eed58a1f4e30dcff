-- Versions of what admins change, so that nobody overwrites what they have not seen; and finding accounts.

alter table court   add column version bigint not null default 1;     -- of its settings, not of its list of kitchens
alter table account add column version bigint not null default 1;     -- of its roles and kitchens

-- By bytes, whatever the database's collation: for prefixes.
create index account_email_prefix_idx on account (email text_pattern_ops);

-- The sessions that end when an account loses a role.
create index session_user_id_idx on session (user_id) where revoked_at is null;

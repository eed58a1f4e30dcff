-- Accounts and their sessions.

create table account (
    user_id       uuid not null,
    email         text not null,            -- lower case
    display_name  text not null,
    password_hash text not null,            -- argon2id, PHC string
    roles         text[] not null,
    created_at    timestamptz not null default now(),
    constraint account_pkey primary key (user_id),
    constraint account_email_key unique (email),
    constraint account_email_check check (email = lower(email)),
    constraint account_roles_check check (roles <@ array['customer', 'vendor_staff', 'rider', 'admin'])
);

-- Who works in which kitchen. Kitchens are streams, so there is no table to refer to.
create table kitchen_member (
    user_id    uuid not null,
    kitchen_id uuid not null,
    constraint kitchen_member_pkey primary key (user_id, kitchen_id),
    constraint kitchen_member_user_id_fkey foreign key (user_id) references account (user_id)
);

-- One row per sign-in: all refresh tokens that came of it.
create table session (
    family_id  uuid not null,
    user_id    uuid not null,
    begun_at   timestamptz not null,        -- wall time, as all times of sessions
    revoked_at timestamptz,
    constraint session_pkey primary key (family_id),
    constraint session_user_id_fkey foreign key (user_id) references account (user_id)
);

-- The sessions that every node must hear of within seconds.
create index session_revoked_at_idx on session (revoked_at) where revoked_at is not null;

create table refresh_token (
    token_sha256 bytea not null,
    family_id    uuid not null,
    expires_at   timestamptz not null,
    spent_at     timestamptz,
    successor    bytea,                     -- given for this one when it was spent
    superseded   boolean not null default false,
    constraint refresh_token_pkey primary key (token_sha256),
    constraint refresh_token_family_id_fkey foreign key (family_id) references session (family_id),
    constraint refresh_token_sha256_check check (octet_length(token_sha256) = 32),
    constraint refresh_token_spent_check check ((spent_at is null) = (successor is null))
);

create index refresh_token_expires_at_idx on refresh_token (expires_at);

-- Tickets for browsers' sockets: single use, half a minute.
create table live_ticket (
    ticket_sha256 bytea not null,
    user_id       uuid not null,
    session_id    uuid not null,
    expires_at    timestamptz not null,
    constraint live_ticket_pkey primary key (ticket_sha256),
    constraint live_ticket_sha256_check check (octet_length(ticket_sha256) = 32)
);

create index live_ticket_expires_at_idx on live_ticket (expires_at);

-- The journal and what is written together with it.

-- One row per stream: the gate that lets exactly one append through per version.
create table stream_head (
    stream        text collate "C" not null,
    version       bigint not null,
    previous      bigint not null,          -- version the last append was made upon: what the gate compares
    deadline_at   timestamptz,              -- business time
    claimed_until timestamptz,              -- wall time of the database: a node is waking this stream
    constraint stream_head_pkey primary key (stream),
    constraint stream_head_version_check check (previous >= 0 and version > previous)
) with (fillfactor = 80);

create index stream_head_deadline_at_idx on stream_head (deadline_at) where deadline_at is not null;

create table journal (
    position    bigint not null generated always as identity,
    stream      text collate "C" not null,
    version     bigint not null,
    event_id    uuid not null,
    kind        text not null,
    body        jsonb not null,
    at          timestamptz not null,
    cause       uuid,
    correlation uuid not null,
    constraint journal_pkey primary key (position),
    constraint journal_stream_version_key unique (stream, version),
    constraint journal_version_check check (version > 0)
);

create table idempotency (
    scope          text collate "C" not null,
    request_sha256 bytea not null,
    status         smallint not null,
    headers        jsonb not null,          -- array of [name, value]
    body           bytea not null,
    expires_at     timestamptz not null,
    constraint idempotency_pkey primary key (scope),
    constraint idempotency_request_sha256_check check (octet_length(request_sha256) = 32)
);

create index idempotency_expires_at_idx on idempotency (expires_at);

-- Personal data of orders, erasable: facts refer to it by id only.
create table contact (
    contact_id uuid not null,
    body       jsonb,
    erased_at  timestamptz,
    constraint contact_pkey primary key (contact_id),
    constraint contact_erased_check check ((body is null) = (erased_at is not null))
);

create table snapshot (
    stream  text collate "C" not null,
    version bigint not null,
    body    text not null,                  -- JSON, read whole and never queried
    constraint snapshot_pkey primary key (stream)
);

-- Where each service's reactor stands in the feed.
create table reactor_cursor (
    service     text not null,
    partition   integer not null,
    position    bigint not null default 0,
    owner       uuid,
    token       bigint not null,
    lease_until timestamptz not null,
    constraint reactor_cursor_pkey primary key (service, partition)
) with (fillfactor = 50);

create index reactor_cursor_owner_idx on reactor_cursor (owner) where owner is not null;

-- Facts that a consumer could not digest, kept for a person to look at.
create table dead_letter (
    dead_letter_id bigint not null generated always as identity,
    service        text not null,
    position       bigint not null,
    stream         text not null,
    version        bigint not null,
    event_id       uuid not null,
    kind           text not null,
    reason         text not null,
    at             timestamptz not null default now(),
    constraint dead_letter_pkey primary key (dead_letter_id),
    constraint dead_letter_service_event_id_key unique (service, event_id)
);

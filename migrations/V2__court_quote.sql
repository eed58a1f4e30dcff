-- Documents that are no streams.

create table court (
    court_id uuid not null,
    body     jsonb not null,
    constraint court_pkey primary key (court_id)
);

create table quote (
    quote_id   uuid not null,
    body       jsonb not null,
    expires_at timestamptz not null,
    constraint quote_pkey primary key (quote_id)
);

create index quote_expires_at_idx on quote (expires_at);

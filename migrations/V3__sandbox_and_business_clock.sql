-- The books of the sandbox payment provider: what "really" happened to the money, whatever we were told.
-- Append-only: one row per request key, so that a repeated request finds its first answer.
create table sandbox_ledger (
    entry          bigint not null generated always as identity,
    provider_key   text not null,
    kind           text not null,
    provider_ref   text not null,
    payment_method text not null,
    amount         bigint not null,         -- minor units
    currency       char(3) not null,
    refused        text,                    -- the code; nothing moved then
    at             timestamptz not null default now(),
    constraint sandbox_ledger_pkey primary key (entry),
    constraint sandbox_ledger_provider_key_key unique (provider_key),
    constraint sandbox_ledger_kind_check check (kind in ('authorize', 'capture', 'void', 'refund')),
    constraint sandbox_ledger_amount_check check (amount >= 0)
);

create index sandbox_ledger_provider_ref_idx on sandbox_ledger (provider_ref, entry);

-- How often each key was tried: some of the sandbox's moods depend on it.
create table sandbox_try (
    provider_key text not null,
    tries        integer not null,
    constraint sandbox_try_pkey primary key (provider_key)
);

-- One row: since when business time runs how fast. Every node follows it, and so does a restart.
create table business_clock (
    only_row    boolean not null default true,
    anchored_at timestamptz not null,       -- the database's clock
    business_at timestamptz not null,       -- business time then
    speed       double precision not null,
    constraint business_clock_pkey primary key (only_row),
    constraint business_clock_only_row_check check (only_row),
    constraint business_clock_speed_check check (speed between 1 and 100)
);

insert into business_clock (anchored_at, business_at, speed) values (now(), now(), 1);

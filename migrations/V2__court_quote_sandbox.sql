-- Documents that are no streams, and the books of the sandbox payment provider.

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

-- What the sandbox provider holds per charge; the ledger below says how it came about.
create table sandbox_charge (
    provider_ref text not null,
    authorized   bigint not null,           -- minor units
    captured     bigint not null default 0,
    refunded     bigint not null default 0,
    voided       boolean not null default false,
    currency     char(3) not null,
    constraint sandbox_charge_pkey primary key (provider_ref),
    constraint sandbox_charge_amounts_check
        check (authorized > 0 and captured between 0 and authorized and refunded between 0 and captured),
    constraint sandbox_charge_voided_check check (not (voided and captured > 0))
);

-- Append-only: one row per request key, so that a repeated request finds its first answer.
create table sandbox_ledger (
    entry        bigint not null generated always as identity,
    provider_key text not null,
    kind         text not null,
    provider_ref text,                      -- null where the provider opened no charge (declined)
    amount       bigint not null,           -- minor units
    currency     char(3) not null,
    outcome      text not null,
    at           timestamptz not null default now(),
    constraint sandbox_ledger_pkey primary key (entry),
    constraint sandbox_ledger_provider_key_key unique (provider_key),
    constraint sandbox_ledger_kind_check check (kind in ('authorize', 'capture', 'void', 'refund')),
    constraint sandbox_ledger_amount_check check (amount >= 0)
);

create index sandbox_ledger_provider_ref_idx on sandbox_ledger (provider_ref);

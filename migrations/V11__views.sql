-- Lists for reading. Made from facts, so they may be emptied and made again at any time.

create table order_view (
    order_id    uuid not null,
    customer_id uuid not null,
    status      text not null,
    placed_at   timestamptz not null,       -- business time
    version     bigint not null,            -- of the order: an older view never replaces a newer one
    body        text not null,              -- JSON, read whole and never queried
    constraint order_view_pkey primary key (order_id)
) with (fillfactor = 80);

create index order_view_customer_id_idx on order_view (customer_id, placed_at desc, order_id desc);
create index order_view_placed_at_idx on order_view (placed_at desc, order_id desc);
create index order_view_status_idx on order_view (status, placed_at desc, order_id desc);

create table rider_on_shift (
    rider_id uuid not null,
    since    timestamptz not null,          -- business time
    version  bigint not null,               -- of the rider
    on_shift boolean not null,
    constraint rider_on_shift_pkey primary key (rider_id)
);

create index rider_on_shift_since_idx on rider_on_shift (since) where on_shift;

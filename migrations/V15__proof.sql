-- What shows that food was handed over: PINs that only customers see, and photos. Both are forgotten after a while.

create table delivery_pin (
    delivery_id uuid not null,
    pin         char(4) not null,
    made_at     timestamptz not null default now(),     -- wall time, as all times of what is swept
    constraint delivery_pin_pkey primary key (delivery_id),
    constraint delivery_pin_pin_check check (pin ~ '^[0-9]{4}$')
);

create index delivery_pin_made_at_idx on delivery_pin (made_at);

create table delivery_photo (
    photo_id    uuid not null,
    delivery_id uuid not null,
    media_type  text not null,
    bytes       bytea not null,
    taken_at    timestamptz not null default now(),     -- wall time
    constraint delivery_photo_pkey primary key (photo_id),
    constraint delivery_photo_media_type_check check (media_type in ('image/jpeg', 'image/png', 'image/webp'))
);

create index delivery_photo_taken_at_idx on delivery_photo (taken_at);

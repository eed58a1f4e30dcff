-- Where riders are, for the other nodes, while no Redis carries it. Not a fact and not worth a line of the log: after
-- a crash of the database it is empty, and fills with the riders' next fixes.

create unlogged table rider_position (
    rider_id   uuid not null,
    fix_seq    bigint not null,             -- grows with each position of a rider: an older one never replaces a newer
    node_id    uuid not null,               -- who heard it; a node does not read its own
    body       text not null,               -- the fix as JSON, read whole and never queried
    changed_at timestamptz not null,        -- wall time of the database
    constraint rider_position_pkey primary key (rider_id)
) with (fillfactor = 50);                   -- no index on what changes: each second's update stays on its page

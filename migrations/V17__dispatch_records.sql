-- What dispatch saw and decided: ticks to play a day again, and why each delivery was decided as it was. Nobody waits
-- for these rows and nothing depends on them; a day is a partition, so that forgetting one costs nothing.

create table dispatch_tick (
    recorded_at timestamptz not null default now(),     -- wall time, by which it is kept and dropped
    at          timestamptz not null,                   -- business time
    node_id     uuid not null,                          -- which run of which node: each tells changes against its own last tick
    body        json not null                           -- read whole and never queried
) partition by range (recorded_at);

create index dispatch_tick_at_idx on dispatch_tick (at);

create table dispatch_decision (
    recorded_at timestamptz not null default now(),
    decision_id uuid not null,
    delivery_id uuid not null,
    at          timestamptz not null,
    body        json not null,
    constraint dispatch_decision_pkey primary key (decision_id, recorded_at)
) partition by range (recorded_at);

create index dispatch_decision_delivery_id_idx on dispatch_decision (delivery_id, at, decision_id);

-- Makes the partitions of today and the two days after it where they are missing, and drops those older than
-- `kept_days`; answers how many were dropped. The locks are on these tables alone, and short.
create function tend_dispatch_days(kept_days integer, today date default (now() at time zone 'UTC')::date)
returns integer language plpgsql set lock_timeout = '2s' set client_min_messages = 'warning' as $$
declare
    parent  text;
    part    text;
    day     date;
    dropped integer := 0;
begin
    foreach parent in array array['dispatch_tick', 'dispatch_decision'] loop
        for ahead in 0..2 loop
            day := today + ahead;
            part := parent || '_' || to_char(day, 'YYYYMMDD');
            if to_regclass(part) is null then
                perform pg_advisory_xact_lock(hashtext('tend_dispatch_days'));
                execute format('create table if not exists %I partition of %I for values from (%L) to (%L)', part, parent,
                    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
            end if;
        end loop;
        for part in
            select child.relname
              from pg_inherits
              join pg_class as child on child.oid = inhrelid
             where inhparent = parent::regclass
               and child.relname < parent || '_' || to_char(today - kept_days, 'YYYYMMDD')
        loop
            execute format('drop table if exists %I', part);
            dropped := dropped + 1;
        end loop;
    end loop;
    return dropped;
end $$;

select tend_dispatch_days(365);

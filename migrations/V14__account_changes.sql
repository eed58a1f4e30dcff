-- Nodes remember accounts; this tells them which ones to read again, whoever changed them.
create table account_change (
    user_id    uuid not null,           -- of an account that may be gone
    changed_at timestamptz not null,    -- wall time
    constraint account_change_pkey primary key (user_id)
);
create index account_change_changed_at_idx on account_change (changed_at);

create function note_account_change() returns trigger language plpgsql as $$
begin
    insert into account_change (user_id, changed_at)
    select u, clock_timestamp()
      from (select distinct u from unnest(array[old.user_id, new.user_id]) as u where u is not null) as concerned
        on conflict (user_id) do update set changed_at = excluded.changed_at;
    return null;
end $$;
create trigger account_change after update or delete on account
    for each row execute function note_account_change();
create trigger kitchen_member_change after insert or update or delete on kitchen_member
    for each row execute function note_account_change();

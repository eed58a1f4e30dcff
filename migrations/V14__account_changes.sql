-- Nodes remember accounts; this tells them which ones to read again.
alter table account add column changed_at timestamptz; -- wall time; null: never since it was made
create index account_changed_at_idx on account (changed_at) where changed_at is not null;

create function note_account_change() returns trigger language plpgsql as $$
begin
    new.changed_at := clock_timestamp();
    return new;
end $$;
create trigger account_change before update on account
    for each row execute function note_account_change();

-- Also what an operator does by hand counts: whoever joins or leaves a kitchen has a changed account.
create function note_member_change() returns trigger language plpgsql as $$
begin
    update account set changed_at = null
     where user_id = case tg_op when 'DELETE' then old.user_id else new.user_id end;
    return null;
end $$;
create trigger kitchen_member_change after insert or update or delete on kitchen_member
    for each row execute function note_member_change();

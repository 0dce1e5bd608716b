-- Which history of the ledger this is. After a restore, or a failover to a copy that was behind, positions that were
-- given before are given again, to other events: another history, under another id. It is read in the statement that
-- answers, so it is in the database and goes back with it; `proof.begin_epoch` is then called once.
create table proof.epoch (
    number integer not null,
    id text not null,
    after_position bigint not null,      -- up to here the events are those of the epoch before
    begun_at timestamptz not null,
    why text not null,
    constraint epoch_pkey primary key (number),
    constraint epoch_id_key unique (id),
    constraint epoch_id_is_12_hexadecimal_digits check (id ~ '^[0-9a-f]{12}$'),
    constraint epoch_begins_somewhere check (after_position >= 0)
);

create trigger epoch_is_append_only before update or delete or truncate on proof.epoch
    for each statement execute function proof.refuse_change();
alter table proof.epoch enable always trigger epoch_is_append_only;

-- Begins another epoch behind the last event, unless the one that the caller knows has ended already: of several who
-- find the same one begins it. Answers the epoch that then is. The sequencer is locked first, so no event is recorded
-- in between.
create function proof.begin_epoch(known text, why text) returns proof.epoch
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    last proof.epoch;
begin
    perform from ledger.head for update;
    select * into last from proof.epoch order by number desc limit 1;
    if last.id is not null and last.id is distinct from known then
        return last;
    end if;
    insert into proof.epoch (number, id, after_position, begun_at, why)
    select coalesce(last.number, 0) + 1, substr(replace(gen_random_uuid()::text, '-', ''), 1, 12),
        coalesce((select max(position) from ledger.event), 0), clock_timestamp(), begin_epoch.why
    returning * into last;
    perform pg_notify('epoch_begun', last.id);
    return last;
end
$$;

alter table proof.epoch owner to aeo_owner;
alter function proof.begin_epoch(text, text) owner to aeo_owner;
revoke execute on function proof.begin_epoch(text, text) from public;
grant usage on schema proof to aeo_writer;
grant execute on function proof.begin_epoch(text, text) to aeo_writer;
grant select on proof.epoch to aeo_reader, aeo_auditor, aeo_writer, aeo_projector, aeo_signer;

-- The first: everything that is recorded already belongs to it.
insert into proof.epoch (number, id, after_position, begun_at, why)
values (
    1, substr(replace(gen_random_uuid()::text, '-', ''), 1, 12), 0, clock_timestamp(),
    'the first epoch of this register'
);

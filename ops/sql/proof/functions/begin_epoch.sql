-- Begins another epoch after the last event, unless the epoch that the caller knows has ended already: of several
-- callers one begins it. Returns the epoch that then is. The sequencer is locked first, so no event is recorded in
-- between.
create or replace function proof.begin_epoch(known text, why text) returns proof.epoch
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

revoke all on function proof.begin_epoch(text,text) from public;
grant execute on function proof.begin_epoch(text,text) to aeo_writer;

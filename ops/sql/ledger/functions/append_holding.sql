-- ledger.append for a batch in which some commands are signed, or change which numbers their operator holds.
-- `holding_ids` are commands, the next three arrays what each has its operator hold, as JSON. `status` 5: a number
-- is another operator's, and nothing was recorded; in a batch of several commands that fails the whole batch
-- (exclusion_violation), whose commands are then sent one by one.
create or replace function ledger.append(
    command_ids uuid[], digests bytea[], actors text[], counts integer[],
    originator_ids uuid[], versions bigint[], topics text[], states text[],
    known_ats timestamptz[], decided_bys text[], legal_grounds text[],
    signed_ids uuid[], administrations text[], keys text[], texts text[], signatures bytea[],
    holding_ids uuid[], holders text[], homes text[], held text[]
)
returns table (
    number integer, status integer, first_position bigint, events integer, recorded_at timestamptz, refusal text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    unrecorded uuid[] := '{}';
    taken text;
    it record;
begin
    if cardinality(command_ids) = 1 and cardinality(holding_ids) = 1 then
        -- What is found here stays so: whoever else appends waits for this lock.
        perform from ledger.head for update;
        if not exists (select from ledger.command as k where k.command_id = command_ids[1]) then
            taken := ledger.held_by_another(holders[1], homes[1], held[1]);
            if taken is not null then
                number := 1;
                status := 5;
                refusal := taken;
                return next;
                return;
            end if;
        end if;
    end if;

    for it in
        select * from ledger.append(
            command_ids, digests, actors, counts, originator_ids, versions, topics, states,
            known_ats, decided_bys, legal_grounds, signed_ids, administrations, keys, texts, signatures
        )
    loop
        number := it.number;
        status := it.status;
        first_position := it.first_position;
        events := it.events;
        recorded_at := it.recorded_at;
        refusal := it.refusal;
        if it.number > 0 then
            unrecorded := unrecorded || command_ids[it.number];
        end if;
        return next;
    end loop;

    for it in
        select h.id, h.holder, h.home, h.numbers
        from unnest(holding_ids, holders, homes, held) with ordinality as h (id, holder, home, numbers, place)
        where h.id <> all (unrecorded)
        order by h.place
    loop
        taken := ledger.held_by_another(it.holder, it.home, it.numbers);
        if taken is not null then
            raise exception '%', taken using errcode = 'exclusion_violation';
        end if;
        delete from ledger.held_number as o where o.holder = it.holder;
        insert into ledger.held_number (scheme, issuer, value, holder, home, from_day, to_day, shared)
        select n.scheme, n.issuer, n.value, it.holder, it.home, n.from_day, n.to_day, n.shared
        from json_to_recordset(it.numbers::json) as n (
            scheme text, issuer text, value text, from_day date, to_day date, shared boolean);
    end loop;
end
$$;

revoke all on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[],uuid[],text[],text[],text[],bytea[],uuid[],text[],text[],text[]) from public;
grant execute on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[],uuid[],text[],text[],text[],bytea[],uuid[],text[],text[],text[]) to aeo_writer;

-- Whose a number is: one operator's within its issuing administration (certificates), or one operator's at a time
-- (identifiers of schemes that are unique by their own rules). It follows from the events (registry/holders.py) and
-- can be had again from them; it is kept here because only under the lock under which the ledger appends is it
-- certain that nobody takes the same number at the same instant.
create table ledger.held_number (
    scheme text not null,                -- CERTIFICATE, or the scheme of an identifier
    issuer text not null,                -- of a certificate; empty: the scheme's own numbers
    value text not null,                 -- the normal form
    holder text not null,                -- TIN
    home text not null,                  -- its administration
    from_day date,                       -- civil days of the home administration; null: without beginning, end
    to_day date,
    shared boolean not null              -- why another may hold it, too, was said
);
create index on ledger.held_number (scheme, value);
create index on ledger.held_number (holder);

-- Why an operator cannot hold these numbers: another does. Null where it can. What it holds already is not asked
-- about again. The other operator is named to its own administration alone.
create function ledger.held_by_another(holder text, home text, numbers text) returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    return (
        select format(
            '%s is %s; if the authority gave it to both, say why in shared',
            case when o.scheme = 'CERTIFICATE'
                then format('number: the certificate number %s of %s', o.value, o.issuer)
                else format('value: %s %s', o.scheme, o.value) end,
            case when o.home = home then format('that of operator %s', o.holder) else 'another operator''s' end
        )
        from json_to_recordset(numbers::json) as n (
            scheme text, issuer text, value text, from_day date, to_day date, shared boolean)
        join ledger.held_number as o on o.scheme = n.scheme and o.value = n.value and o.issuer = n.issuer
        where o.holder <> holder and not n.shared
            and coalesce(o.from_day, '-infinity') < coalesce(n.to_day, 'infinity')
            and coalesce(n.from_day, '-infinity') < coalesce(o.to_day, 'infinity')
            and not exists (
                select from ledger.held_number as mine
                where mine.holder = holder and mine.scheme = n.scheme and mine.value = n.value
                    and mine.issuer = n.issuer
                    and coalesce(mine.from_day, '-infinity') <= coalesce(n.from_day, '-infinity')
                    and coalesce(mine.to_day, 'infinity') >= coalesce(n.to_day, 'infinity')
            )
        order by o.scheme, o.value, o.holder limit 1
    );
end
$$;

-- The same append for a batch in which some commands are signed, or change which numbers their operator holds.
-- `holding_ids` are commands, the next three arrays what each has its operator hold, as JSON. status 5: a number is
-- another operator's, and nothing was recorded; in a batch of several commands that fails the whole batch
-- (exclusion_violation), which is then sent one by one.
create function ledger.append(
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

revoke all on function ledger.held_by_another(text, text, text) from public;
revoke all on function ledger.append(
    uuid[], bytea[], text[], integer[], uuid[], bigint[], text[], text[], timestamptz[], text[], text[],
    uuid[], text[], text[], text[], bytea[], uuid[], text[], text[], text[]
) from public;

-- Appends commands of one event each, which nearly all are, with half the statements of ledger.append. Whatever is
-- out of the common (a repeated command, an impossible known_at) is left to ledger.append, under the same lock.
-- Every array has one element for each command; the answer is that of ledger.append.
create or replace function ledger.append_each(
    command_ids uuid[], digests bytea[], actors text[],
    originator_ids uuid[], versions bigint[], topics text[], states text[],
    known_ats timestamptz[], decided_bys text[], legal_grounds text[]
)
returns table (
    number integer, status integer, first_position bigint, events integer, recorded_at timestamptz, refusal text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    base bigint;
    clock timestamptz;
    brought integer := cardinality(command_ids);
    good integer[];          -- those that plainly follow the last event of their stream
    unusual boolean := true;
begin
    if current_setting('transaction_isolation') = 'read committed' then
        -- Locking comes first and alone: each later statement sees what was committed before the lock was ours.
        select h.position, h.recorded_at into strict base, clock from ledger.head as h for update;
        clock := greatest(clock_timestamp(), clock);
        select
            array_agg(n) filter (
                where case when last.version is null then versions[n] <= 1 else versions[n] = last.version + 1 end),
            bool_or(
                known_ats[n] > clock or known_ats[n] < last.known_at
                or exists (select from ledger.command as k where k.command_id = command_ids[n]))
        into good, unusual
        from generate_series(1, brought) as n
        left join lateral (
            select t.originator_version as version, t.known_at
            from ledger.event as t
            where t.originator_id = originator_ids[n]
            order by t.originator_version desc limit 1
        ) as last on true;
    end if;
    if unusual then
        return query select * from ledger.append(
            command_ids, digests, actors, array_fill(1, array[brought]), originator_ids, versions,
            topics, states, known_ats, decided_bys, legal_grounds
        );
        return;
    end if;

    if good is not null then  -- else nothing is written, and the commit is free
        with command as (
            insert into ledger.command (command_id, digest, first_position, events, recorded_at)
            select command_ids[n], digests[n], base + place, 1, clock
            from unnest(good) with ordinality as g (n, place)
        ),
        head as (
            update ledger.head set position = base + cardinality(good), recorded_at = clock
            returning pg_notify('ledger_event', position::text)  -- one wake-up a batch, sent at commit
        )
        insert into ledger.event (
            position, originator_id, originator_version, topic, state,
            recorded_at, known_at, command_id, actor, decided_by, legal_ground
        )
        select
            base + place, originator_ids[n], versions[n], topics[n], states[n],
            clock, coalesce(known_ats[n], clock), command_ids[n], actors[n], decided_bys[n], legal_grounds[n]
        from unnest(good) with ordinality as g (n, place);
    end if;

    number := 0;
    status := 0;
    first_position := base + 1;
    events := coalesce(cardinality(good), 0);
    recorded_at := clock;
    return next;
    if events < brought then
        return query
            select
                n, 2, null::bigint, null::integer, null::timestamptz,
                case when last.version is null
                    then format(
                        'Stream %s has no event yet, so version %s cannot be recorded.',
                        originator_ids[n], versions[n])
                    else format(
                        'Stream %s stands at version %s, so version %s cannot be recorded.',
                        originator_ids[n], last.version, versions[n])
                end
            from generate_series(1, brought) as n
            left join lateral (
                select max(t.originator_version) as version
                from ledger.event as t
                where t.originator_id = originator_ids[n]
            ) as last on true
            where n <> all (coalesce(good, '{}'))
            order by n;
    end if;
end
$$;

revoke all on function ledger.append_each(uuid[],bytea[],text[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[]) from public;
grant execute on function ledger.append_each(uuid[],bytea[],text[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[]) to aeo_writer;

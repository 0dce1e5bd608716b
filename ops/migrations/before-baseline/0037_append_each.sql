-- The same append for commands of one event each, which nearly all are: with half the statements. Whatever is
-- out of the common (a repeated command, an impossible known_at) is left to `ledger.append`, under the same lock.
--
-- Every array has one element a command; the answer is that of `ledger.append`.
create function ledger.append_each(
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

-- And for one such command alone, where arrays would cost more than the append. It answers one row: the batch's
-- (number 0) where the command was simply recorded, else the command's own (number 1).
create function ledger.append_one(
    command_id uuid, digest bytea, actor text,
    originator_id uuid, version bigint, topic text, state text,
    known_at timestamptz, decided_by text, legal_ground text,
    out number integer, out status integer, out first_position bigint, out events integer,
    out recorded_at timestamptz, out refusal text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    if current_setting('transaction_isolation') = 'read committed' then
        select h.position + 1, h.recorded_at into strict first_position, recorded_at
        from ledger.head as h for update;
        recorded_at := greatest(clock_timestamp(), recorded_at);
        with plain as (
            select from (select) as it
            left join lateral (
                select t.originator_version as version, t.known_at
                from ledger.event as t
                where t.originator_id = originator_id
                order by t.originator_version desc limit 1
            ) as last on true
            where
                case when last.version is null then version <= 1
                    else version = last.version + 1 end
                and (known_at > recorded_at or known_at < last.known_at) is not true
                and not exists (select from ledger.command as k where k.command_id = command_id)
        ),
        command as (
            insert into ledger.command (command_id, digest, first_position, events, recorded_at)
            select command_id, digest, first_position, 1, recorded_at from plain
        ),
        head as (
            update ledger.head as h set position = first_position, recorded_at = recorded_at
            where exists (select from plain)
            returning pg_notify('ledger_event', h.position::text)
        )
        insert into ledger.event (
            position, originator_id, originator_version, topic, state,
            recorded_at, known_at, command_id, actor, decided_by, legal_ground
        )
        select
            first_position, originator_id, version, topic, state,
            recorded_at, coalesce(known_at, recorded_at), command_id, actor, decided_by, legal_ground
        from plain;
        if found then
            number := 0;
            status := 0;
            events := 1;
            return;
        end if;
    end if;
    select a.number, a.status, a.first_position, a.events, a.recorded_at, a.refusal
    into strict number, status, first_position, events, recorded_at, refusal
    from ledger.append(
        array[command_id], array[digest], array[actor], array[1], array[originator_id], array[version],
        array[topic], array[state], array[known_at], array[decided_by], array[legal_ground]
    ) as a
    order by a.number desc limit 1;
end
$$;

revoke all on function ledger.append_each from public;
revoke all on function ledger.append_one from public;

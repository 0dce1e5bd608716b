-- Appends a batch of commands in one commit; what is wrong with one command refuses that command alone.
-- The first four arrays have one element for each command, the others one for each event, the events of the first
-- command first. A stream, and a command id, comes in one command of a batch only: a second one is refused as
-- moved, or fails the whole batch by the unique keys.
-- Returns first a row for the batch (number 0: the first position, and how many events follow), then one for each
-- command that was not simply recorded. `status`: 0 recorded, 1 repeated (recorded before, with the same digest),
-- 2 the stream has moved, 3 recorded before with another digest, 4 known_at is impossible. `recorded_at` is UTC,
-- from the server's clock, and never decreases.
-- Each setting was measured: a plan that was made while the table was empty would scan it for ever; the cost of a
-- disabled scan switches the JIT compiler on; planning anew each time costs more than the append.
create or replace function ledger.append(
    command_ids uuid[], digests bytea[], actors text[], counts integer[],
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
    commands integer := cardinality(command_ids);
    brought integer := cardinality(originator_ids);
    appended integer := brought;
    command_of integer[];    -- of each event; null: each command has one event, of its own number
    place integer[];         -- of each event among those appended, null for those refused; null: all are
    first integer[];         -- of each command's first event, likewise
    verdict integer[];       -- on each command; null: nothing is wrong with any
    sentence text[];
    known integer[];         -- commands recorded before
    doubtful integer[];      -- events that do not plainly follow
    it record;
begin
    -- Any other isolation level would check against the picture from before the wait for the lock.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'The ledger appends under READ COMMITTED only, not %.',
            upper(current_setting('transaction_isolation'))
            using errcode = 'invalid_transaction_state';
    end if;

    if counts is distinct from array_fill(1, array[brought]) then
        command_of := array(
            select c.number::integer
            from unnest(counts) with ordinality as c (events, number), generate_series(1, c.events)
        );
        if cardinality(command_of) <> brought then
            raise exception 'The commands announce % events and bring %.', cardinality(command_of), brought
                using errcode = 'invalid_parameter_value';
        end if;
        first := array(
            select 1 + sum(c.events) over (order by c.number) - c.events
            from unnest(counts) with ordinality as c (events, number)
        );
    end if;

    -- Locking comes first and alone: each later statement sees what was committed before the lock was ours.
    -- The clock is read after the wait, so recorded_at never falls along positions.
    select h.position, h.recorded_at into strict base, clock from ledger.head as h for update;
    clock := greatest(clock_timestamp(), clock);

    known := array(
        select n from generate_series(1, commands) as n, lateral (
            select from ledger.command as k where k.command_id = command_ids[n] offset 0
        ) as earlier
    );

    -- An event plainly follows the one before it in the batch, or the last of its stream in the table.
    doubtful := array(
        select n
        from generate_series(1, brought) as n
        left join lateral (
            select t.originator_version as version, t.known_at
            from ledger.event as t
            where t.originator_id = originator_ids[n]
                and (originator_ids[n] = originator_ids[n - 1]) is not true
            order by t.originator_version desc limit 1
        ) as last on true
        where
            case
                when originator_ids[n] = originator_ids[n - 1]
                    then versions[n] <> versions[n - 1] + 1
                        or coalesce(command_of[n], n) <> coalesce(command_of[n - 1], n - 1)
                when last.version is null then versions[n] > 1
                else versions[n] <> last.version + 1
            end
            or known_ats[n] > clock
            or known_ats[n] < case
                when originator_ids[n] = originator_ids[n - 1] then coalesce(known_ats[n - 1], clock)
                else last.known_at
            end
    );

    if known <> '{}' or doubtful <> '{}' then
        verdict := array_fill(0, array[commands]);
        sentence := array_fill(null::text, array[commands]);

        -- A repeated command is answered before its events are looked at: they are in the ledger already.
        for it in
            select n, k.digest = digests[n] as same
            from unnest(known) as n join ledger.command as k on k.command_id = command_ids[n]
        loop
            verdict[it.n] := case when it.same then 1 else 3 end;
        end loop;

        -- Each doubtful event beside the one it has to follow, wherever that stands.
        for it in
            select
                n, c.command, originator_ids[n] as stream, versions[n] as version, known_ats[n] as known_at,
                (beside.command <> c.command) is true as shared,
                coalesce(beside.version, last.version) as standing,
                coalesce(beside.known_at, last.known_at) as not_before
            from unnest(doubtful) as n
            cross join lateral (select coalesce(command_of[n], n) as command) as c
            left join lateral (
                select coalesce(command_of[m], m) as command, versions[m] as version,
                    coalesce(known_ats[m], clock) as known_at
                from generate_series(1, n - 1) as m
                where originator_ids[m] = originator_ids[n]
                order by m desc limit 1
            ) as beside on true
            left join lateral (
                select t.originator_version as version, t.known_at
                from ledger.event as t
                where t.originator_id = originator_ids[n]
                order by t.originator_version desc limit 1
            ) as last on true
            order by n
        loop
            continue when verdict[it.command] <> 0;  -- the first fault of a command is enough
            if it.shared
                or (case when it.standing is null then it.version > 1 else it.version <> it.standing + 1 end)
            then
                verdict[it.command] := 2;
                sentence[it.command] := case
                    when it.standing is null then format(
                        'Stream %s has no event yet, so version %s cannot be recorded.', it.stream, it.version)
                    else format(
                        'Stream %s stands at version %s, so version %s cannot be recorded.',
                        it.stream, it.standing, it.version)
                end;
            elsif it.known_at > clock or it.known_at < it.not_before then
                verdict[it.command] := 4;
                sentence[it.command] := case
                    when it.known_at > clock then format(
                        'Version %s of stream %s cannot have been known at %s, after its recording at %s.',
                        it.version, it.stream, it.known_at, clock)
                    else format(
                        'Version %s of stream %s cannot have been known at %s, before the version it follows, known at %s.',
                        it.version, it.stream, it.known_at, it.not_before)
                end;
            end if;
        end loop;

        place := array(
            select
                case when verdict[coalesce(command_of[n], n)] = 0 then
                    count(*) filter (where verdict[coalesce(command_of[n], n)] = 0) over (order by n)
                end
            from generate_series(1, brought) as n
        );
        first := array(
            select 1 + sum(c.events) over (order by c.number) - c.events
            from (
                select n, case when verdict[n] = 0 then counts[n] else 0 end
                from generate_series(1, commands) as n
            ) as c (number, events)
        );
        appended := coalesce((select max(n) from unnest(place) as n), 0);
    end if;

    insert into ledger.command (command_id, digest, first_position, events, recorded_at)
    select
        command_ids[n], digests[n], case when counts[n] > 0 then base + coalesce(first[n], n) end, counts[n], clock
    from generate_series(1, commands) as n
    where verdict is null or verdict[n] = 0;

    insert into ledger.event (
        position, originator_id, originator_version, topic, state,
        recorded_at, known_at, command_id, actor, decided_by, legal_ground
    )
    select
        base + coalesce(place[n], n), originator_ids[n], versions[n], topics[n], states[n],
        clock, coalesce(known_ats[n], clock),
        command_ids[coalesce(command_of[n], n)], actors[coalesce(command_of[n], n)],
        decided_bys[n], legal_grounds[n]
    from generate_series(1, brought) as n
    where verdict is null or place[n] > 0;

    if verdict is null or 0 = any (verdict) then
        update ledger.head set position = base + appended, recorded_at = clock;
    end if;
    if appended > 0 then
        perform pg_notify('ledger_event', (base + appended)::text);  -- one wake-up a batch, sent at commit
    end if;

    number := 0;
    status := 0;
    first_position := base + 1;
    events := appended;
    recorded_at := clock;
    return next;
    if verdict is not null then
        return query
            select n, verdict[n], k.first_position, k.events, k.recorded_at, sentence[n]
            from generate_series(1, commands) as n
            left join lateral (
                select * from ledger.command as k where k.command_id = command_ids[n] offset 0
            ) as k on verdict[n] in (1, 3)
            where verdict[n] <> 0
            order by n;
    end if;
end
$$;

revoke all on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[]) from public;
grant execute on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[]) to aeo_writer;

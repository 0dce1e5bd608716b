-- The ledger: what was recorded, in one sequence of positions without gaps, and the only way to add to it.
-- The recorder runs this same text, with other names, when the library's test cases ask for a ledger elsewhere.

create table ledger.event (
    position bigint not null,
    originator_id uuid not null,
    originator_version bigint not null,
    topic text not null,
    state text not null,                 -- JSON, kept to the byte: the proof log hashes it (jsonb would reorder it)
    recorded_at timestamptz not null,    -- the ledger's own clock, never falling along positions
    known_at timestamptz not null,       -- earlier only where an authority's own register knew it before us
    command_id uuid not null,
    actor text not null,                 -- an opaque id, never a person's name
    decided_by text,                     -- the administration
    legal_ground text,
    constraint event_pkey primary key (originator_id, originator_version),
    constraint event_position_key unique (position),
    constraint event_known_before_recorded check (known_at <= recorded_at)
);

-- One row for each request ever acted upon, so that a request sent twice is recorded once.
create table ledger.command (
    command_id uuid not null,
    digest bytea not null,               -- SHA-256 of the canonical request
    first_position bigint,
    events integer not null,
    recorded_at timestamptz not null,
    constraint command_pkey primary key (command_id),
    constraint command_digest_is_sha256 check (octet_length(digest) = 32),
    constraint command_has_events_or_no_position check ((events = 0) = (first_position is null))
);

-- The sequencer: the only row that is ever updated, locked while positions are handed out.
-- Nobody may take its position for "the last event": that is the highest position in the event table.
create table ledger.head (
    one boolean not null default true,
    position bigint not null,
    recorded_at timestamptz not null,
    constraint head_pkey primary key (one),
    constraint head_is_one_row check (one)
) with (fillfactor = 10);                -- room for updates on the same page

insert into ledger.head (position, recorded_at) values (0, '-infinity');

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'The ledger is append-only: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

-- ALWAYS, or a session in replica mode would slip past. An owner can drop a trigger:
-- this guards against accident, the proof log against intent.
create trigger event_is_append_only before update or delete or truncate on ledger.event
    for each statement execute function ledger.refuse_change();
create trigger command_is_append_only before update or delete or truncate on ledger.command
    for each statement execute function ledger.refuse_change();
alter table ledger.event enable always trigger event_is_append_only;
alter table ledger.command enable always trigger command_is_append_only;

-- Appends a batch of commands in one commit; what is wrong with one command refuses that command alone.
--
-- The first four arrays have one element a command, the others one an event, the events of the
-- first command first. known_ats, decided_bys and legal_grounds may be NULL as a whole.
-- Answers one row a command, in order. status: 0 recorded, 1 repeated (recorded before, with the same
-- digest), 2 the stream has moved, 3 recorded before with another digest, 4 known_at is impossible.
--
-- Settings, each measured: a plan made while the table was empty would scan it for ever; a disabled
-- scan's cost switches the JIT compiler on; planning anew each time costs more than the append.
create function ledger.append(
    command_ids uuid[], digests bytea[], actors text[], counts integer[],
    originator_ids uuid[], versions bigint[], topics text[], states text[],
    known_ats timestamptz[], decided_bys text[], legal_grounds text[]
)
returns table (status integer, first_position bigint, events integer, recorded_at timestamptz, refusal text)
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
    command_of integer[];
    verdict integer[];
    sentence text[] := array_fill(null::text, array[cardinality(command_ids)]);
    fault record;
    appended bigint;
begin
    -- Any other isolation level would check against the picture from before the wait for the lock.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'The ledger appends under READ COMMITTED only, not %.',
            upper(current_setting('transaction_isolation'))
            using errcode = 'invalid_transaction_state';
    end if;

    command_of := array(
        select c.number::integer
        from unnest(counts) with ordinality as c (events, number), generate_series(1, c.events)
    );
    if cardinality(command_of) <> cardinality(originator_ids) then
        raise exception 'The commands announce % events and bring %.',
            cardinality(command_of), cardinality(originator_ids)
            using errcode = 'invalid_parameter_value';
    end if;

    -- Locking comes first and alone: each later statement sees what was committed before the lock was ours.
    -- The clock is read after the wait, so recorded_at never falls along positions.
    select h.position, h.recorded_at into strict base, clock from ledger.head as h for update;
    clock := greatest(clock_timestamp(), clock);

    -- A repeated command is answered before its events are looked at: they are in the ledger already.
    verdict := array(
        select case when earlier.digest is null then 0 when earlier.digest = c.digest then 1 else 3 end
        from unnest(command_ids, digests) with ordinality as c (id, digest, number)
        left join lateral (
            select k.digest from ledger.command as k where k.command_id = c.id offset 0
        ) as earlier on true
        order by c.number
    );

    -- Each stream is compared with itself: within the batch by a window, at its start with the table.
    for fault in
        with sent as (
            select
                e.number, e.command, e.stream, e.version, coalesce(e.known_at, clock) as known_at,
                lag(e.version) over same_stream as previous,
                lag(e.command) over same_stream as previous_command,
                lag(coalesce(e.known_at, clock)) over same_stream as previously_known_at
            from unnest(command_of, originator_ids, versions, known_ats)
                with ordinality as e (command, stream, version, known_at, number)
            window same_stream as (partition by e.stream order by e.number)
        ),
        compared as (
            select
                sent.*, last.version as last,
                coalesce(sent.previous, last.version) as standing,
                coalesce(sent.previously_known_at, last.known_at) as not_before
            from sent left join lateral (
                select t.originator_version as version, t.known_at
                from ledger.event as t
                where sent.previous is null and t.originator_id = sent.stream
                order by t.originator_version desc limit 1
            ) as last on true
        )
        select
            *,
            previous_command <> command
                or case when standing is null then version > 1 else version <> standing + 1 end as moved
        from compared
        where verdict[command] = 0 and (
            previous_command <> command
            or case when standing is null then version > 1 else version <> standing + 1 end
            or known_at > clock
            or known_at < not_before
        )
        order by command, number
    loop
        continue when verdict[fault.command] <> 0;  -- the first fault of a command is enough
        verdict[fault.command] := case when fault.moved then 2 else 4 end;
        sentence[fault.command] := case
            when fault.moved and fault.standing is null then format(
                'Stream %s has no event yet, so version %s cannot be recorded.', fault.stream, fault.version)
            when fault.moved then format(
                'Stream %s stands at version %s, so version %s cannot be recorded.',
                fault.stream, fault.standing, fault.version)
            when fault.known_at > clock then format(
                'Version %s of stream %s cannot have been known at %s, after its recording at %s.',
                fault.version, fault.stream, fault.known_at, clock)
            else format(
                'Version %s of stream %s cannot have been known at %s, before the version it follows, known at %s.',
                fault.version, fault.stream, fault.known_at, fault.not_before)
        end;
    end loop;

    insert into ledger.event (
        position, originator_id, originator_version, topic, state,
        recorded_at, known_at, command_id, actor, decided_by, legal_ground
    )
    select
        base + row_number() over (order by e.number), e.stream, e.version, e.topic, e.state,
        clock, coalesce(e.known_at, clock), command_ids[e.command], actors[e.command],
        e.decided_by, e.legal_ground
    from unnest(command_of, originator_ids, versions, topics, states, known_ats, decided_bys, legal_grounds)
        with ordinality as e (command, stream, version, topic, state, known_at, decided_by, legal_ground, number)
    where verdict[e.command] = 0
    order by e.number;
    get diagnostics appended = row_count;

    insert into ledger.command (command_id, digest, first_position, events, recorded_at)
    select
        c.id, c.digest,
        case when c.events > 0 then
            base + 1 + sum(c.events) over (order by c.number) - c.events
        end,
        c.events, clock
    from unnest(command_ids, digests, counts) with ordinality as c (id, digest, events, number)
    where verdict[c.number] = 0;

    if 0 = any (verdict) then  -- else nothing is written, and the commit is free
        update ledger.head set position = base + appended, recorded_at = clock;
    end if;
    if appended > 0 then
        perform pg_notify('ledger_event', (base + appended)::text);  -- one wake-up a batch, sent at commit
    end if;

    return query
        select verdict[c.number], k.first_position, k.events, k.recorded_at, sentence[c.number]
        from unnest(command_ids) with ordinality as c (id, number)
        left join lateral (
            select * from ledger.command as k where k.command_id = c.id offset 0
        ) as k on true
        order by c.number;
end
$$;

revoke all on function ledger.append from public;

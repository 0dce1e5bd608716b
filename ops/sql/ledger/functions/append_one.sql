-- Appends one command of one event, where arrays would cost more than the append. Returns one row: that of the
-- batch (number 0) where the command was simply recorded, otherwise that of the command (number 1).
create or replace function ledger.append_one(
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

revoke all on function ledger.append_one(uuid,bytea,text,uuid,bigint,text,text,timestamp with time zone,text,text) from public;
grant execute on function ledger.append_one(uuid,bytea,text,uuid,bigint,text,text,timestamp with time zone,text,text) to aeo_writer;

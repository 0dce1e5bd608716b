-- Row-level security: the second lock on the tables with operators' data. The service reads as aeo_reader and states
-- in each transaction for whom it reads: select set_config('aeo.subject', 'ROLE|ADMINISTRATION|TIN|NOW', true), NOW in
-- UTC. A transaction that states nobody sees no row. The role `service` sees all rows, for what the service itself
-- decides afterwards (feed of changes, counts, ends by law); projections/reads/row_security.py names these places.
-- aeo_auditor and aeo_projector have policies of their own, and aeo_owner is exempt as the owner of the tables.
set local role aeo_owner;

-- A part of the stated subject: 1 role, 2 administration, 3 TIN, 4 instant; '' where nothing is stated.
create function access.subject(part int) returns text language sql stable as $$
    select split_part(coalesce(current_setting('aeo.subject', true), ''), '|', part)
$$;

-- Whether the subject sees every row.
create function access.sees_all() returns boolean language sql stable as $$
    select access.subject(1) in ('auditor', 'service')
$$;

-- The TIN of the operator that the subject is; NULL where it is none.
create function access.own_tin() returns text language sql stable as $$
    select case when access.subject(1) = 'company' then access.subject(3) end
$$;

-- The administration that gave this TIN. For Northern Ireland (XI) that is GB.
create function access.home_of(tin text) returns text language sql immutable as $$
    select case left(tin, 2) when 'XI' then 'GB' else left(tin, 2) end
$$;

-- The instant of the request (UTC).
create function access.instant() returns timestamptz language plpgsql stable as $$
begin
    return access.subject(4)::timestamptz;
end
$$;

-- The administration whose officer the subject is; NULL where it is none.
create function access.own_home() returns text language sql stable as $$
    select case when access.subject(1) = 'officer' then access.subject(2) end
$$;

-- That administration and, of a bloc, the members as of now.
create function access.own_homes() returns text[] language plpgsql stable as $$
declare
    administration text := access.subject(2);
    now timestamptz;
begin
    if access.subject(1) <> 'officer' then
        return '{}';
    end if;
    now := access.instant();
    return array[administration] || array(
        select m.member from views.membership m
        where m.bloc = administration and m.sense = 'CUSTOMS_TERRITORY'
          and rule.in_interval(now, m.valid_from, m.valid_to)
          and rule.in_interval(now, m.recorded_from, m.recorded_to)
    );
end
$$;

-- What decides which operators an administration sees, as of now. `own`: as access.own_homes. `to`: the administration
-- and its blocs. `homes`: the administrations to whose operators an agreement leads: OPEN, or CONSENT where every such
-- agreement requires it. The law of consent (registry/domain/consent.py): `laws`, the programmes that require it;
-- `general` and `each`, in which form; `closed`, of those in which it is general the ones that did not find the
-- administration adequate; `adequate`, whether any of them did.
create function access.sight_then(administration text, now timestamptz) returns jsonb language plpgsql stable as $$
declare
    parties text[];
begin
    parties := array[administration] || array(
        select m.bloc from views.membership m
        where m.member = administration and m.sense = 'CUSTOMS_TERRITORY'
          and rule.in_interval(now, m.valid_from, m.valid_to)
          and rule.in_interval(now, m.recorded_from, m.recorded_to)
    );
    return jsonb_build_object(
        'own', to_jsonb(access.own_homes()),
        'to', to_jsonb(parties),
        'homes', (
            select jsonb_object_agg(h.territory, case when h.consent_required then 'CONSENT' else 'OPEN' end)
            from (
                select s.territory, bool_and(l.consent_required) as consent_required
                from views.link l
                cross join lateral (
                    select l.from_party as territory
                    union all
                    select m.member from views.membership m
                    where m.bloc = l.from_party and m.sense = 'CUSTOMS_TERRITORY'
                      and rule.in_interval(now, m.valid_from, m.valid_to)
                      and rule.in_interval(now, m.recorded_from, m.recorded_to)
                ) s
                where l.to_party = any (parties) and l.kind = 'AEO_MUTUAL_RECOGNITION'
                  and l.state in ('LIVE', 'UNCERTAIN')
                  and rule.in_interval(now, l.valid_from, l.valid_to)
                  and rule.in_interval(now, l.recorded_from, l.recorded_to)
                group by s.territory
            ) h
        )
    ) || (
        select jsonb_build_object(
            'laws', coalesce(jsonb_agg(k.programme), '[]'),
            'general', coalesce(jsonb_agg(k.programme) filter (where k.general), '[]'),
            'each', coalesce(jsonb_agg(k.programme) filter (where not k.general), '[]'),
            'closed', coalesce(jsonb_agg(k.programme) filter (where k.general and not k.adequate), '[]'),
            'adequate', coalesce(bool_or(k.general and k.adequate), false)
        )
        from (
            select r.programme, r.value = 'general' as general, exists (
                select from views.programme_rule a
                where a.programme = r.programme and a.value = 'adequate'
                  and a.rule = any (array(select 'adequate.' || p from unnest(parties) p))
                  and rule.in_interval(now, a.valid_from, a.valid_to)
                  and rule.in_interval(now, a.recorded_from, a.recorded_to)
            ) as adequate
            from views.programme_rule r
            where r.rule = 'sharing_consent' and r.value in ('general', 'per partner', 'required')
              and rule.in_interval(now, r.valid_from, r.valid_to)
              and rule.in_interval(now, r.recorded_from, r.recorded_to)
        ) k
    );
end
$$;

-- What decides which operators the stated subject sees (access.sight_then). It is computed once in a transaction: what
-- was computed is kept until its end in aeo.sight. What the law says for an administration is kept in a setting of the session
-- (working it out takes longer than most answers), with the state of the law that it was read from and the instants
-- between which no agreement, membership or law on consent begins or ends.
create function access.sight() returns jsonb language plpgsql stable as $$
declare
    administration text := access.subject(2);
    now timestamptz;
    setting text;
    found jsonb;
    state text;
    until timestamptz;
begin
    if access.subject(1) <> ''
        and split_part(current_setting('aeo.sight', true), chr(10), 1) = current_setting('aeo.subject', true) then
        return split_part(current_setting('aeo.sight', true), chr(10), 2);
    end if;
    if access.subject(1) = 'public' then
        return '{"to": ["*"]}';
    end if;
    if access.subject(1) not in ('partner', 'officer') or administration !~ '^[A-Z]{2}$' then
        return '{}';
    end if;
    now := access.instant();
    setting := 'aeo.sight_' || access.subject(1) || '_' || administration;
    state := concat(
        extract(epoch from pg_postmaster_start_time()), '/', (select l.tableoid from views.link l limit 1),
        '/', (select m.number from views.mended m), '/', (select max(a.position) from views.administration a),
        '/', (select max(p.position) from views.programme p), '/', (select max(g.position) from views.agreement g)
    );
    found := nullif(current_setting(setting, true), '')::jsonb;
    if found ->> 'state' = state and now >= (found ->> 'from')::timestamptz
        and now < (found ->> 'until')::timestamptz then
        found := found -> 'sight';
        perform set_config('aeo.sight', current_setting('aeo.subject') || chr(10) || found::text, true);
        return found;
    end if;
    until := (
        select min(e.edge)
        from (
            select l.valid_from, l.valid_to, l.recorded_from, l.recorded_to from views.link l
            union all
            select m.valid_from, m.valid_to, m.recorded_from, m.recorded_to from views.membership m
            union all
            select r.valid_from, r.valid_to, r.recorded_from, r.recorded_to from views.programme_rule r
        ) t
        cross join unnest(array[t.valid_from, t.valid_to, t.recorded_from, t.recorded_to]) e (edge)
        where e.edge > now
    );
    found := access.sight_then(administration, now);
    perform set_config(setting, jsonb_build_object(
        'state', state, 'from', now, 'until', coalesce(until, 'infinity'), 'sight', found)::text, false);
    perform set_config('aeo.sight', current_setting('aeo.subject') || chr(10) || found::text, true);
    return found;
end
$$;

-- States the subject of the transaction, and works out what decides which operators it sees.
create function access.stand_for(subject text) returns void language plpgsql volatile as $$
begin
    perform set_config('aeo.subject', subject, true);
    perform access.sight();
end
$$;

-- The same as rule.consents_then and rule.certified_by, for the policy of views.operator alone: as the owner, because
-- the policies of the tables below it read views.operator again.
create function access.consents_then(me text, now timestamptz) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return rule.consents_then(me, now);
end
$$;
create function access.certified_by(me text, now timestamptz) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return rule.certified_by(me, now);
end
$$;
revoke execute on function access.consents_then(text, timestamptz), access.certified_by(text, timestamptz) from public;
grant execute on function access.consents_then(text, timestamptz), access.certified_by(text, timestamptz)
    to aeo_reader, aeo_auditor, aeo_projector;

-- Whether the subject sees this row of views.operator: it is that operator, its home customs (of a bloc), or an
-- agreement or a consent lets it. `sight`: as access.sight.
create function access.shows_operator(
    sight jsonb, me text, home text, my_programmes text[], my_settled timestamptz, my_consents text[],
    my_statuses text[]
) returns boolean language plpgsql stable as $$
declare
    shown text;
    general boolean;
    now timestamptz;
begin
    if access.subject(1) = 'company' then
        return me = access.subject(3);
    end if;
    if sight -> 'own' ? home then
        return true;
    end if;
    shown := case when access.subject(1) = 'public' then 'CONSENT' else sight -> 'homes' ->> home end;
    if shown is null then
        return false;
    end if;
    now := access.instant();
    if shown = 'CONSENT' or sight -> 'laws' ?| my_programmes then
        if my_settled > now then
            my_consents := access.consents_then(me, now);
        end if;
        general := coalesce(sight -> 'general' ?| my_programmes, false);
        if not rule.consented(
            general, coalesce(sight -> 'each' ?| my_programmes, false),
            '+' = any (my_consents) and case when general then not sight -> 'closed' ?| my_programmes
                else coalesce((sight -> 'adequate')::boolean, false) end,
            sight -> 'to' ?| my_consents
        ) then
            return false;
        end if;
    end if;
    return my_settled <= now and my_statuses && rule.certified() or access.certified_by(me, now);
end
$$;

-- Whether the subject sees the operator of this TIN. The rows of one operator follow each other, so the last result is
-- kept until the end of the transaction.
create function access.shows(me text) returns boolean language plpgsql stable as $$
declare
    asked text := current_setting('aeo.subject', true) || chr(10) || me || chr(10);
    kept text := current_setting('aeo.shown', true);
    found boolean;
begin
    if kept = asked || 'true' then
        return true;
    end if;
    if kept = asked || 'false' then
        return false;
    end if;
    found := exists (select from views.operator o where o.tin = me);
    perform set_config('aeo.shown', asked || found::text, true);
    return found;
end
$$;

-- The policies are short, because PostgreSQL prepares each for every partition of a table. A `(select ...)` is computed
-- once for a statement, and only where a row gets as far.
create policy operator_of_subject on views.operator for select to aeo_reader using (
    (select access.sees_all())
    or administration = (select access.own_home())
    or access.shows_operator((select access.sight()), tin, administration, programmes, settled, consents, held_statuses)
);

-- What is about an operator is seen by whoever sees the operator; of its statuses the certified ones, and of its
-- deadlines none, by others than its home administration and itself; proposals are the
-- home administration's (registry/domain/disclosure.py).
create policy certificate_of_subject on views.certificate for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home()) or access.shows(tin)
);
create policy change_of_subject on views.change for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home()) or access.shows(tin)
);
create policy consent_of_subject on views.consent for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home()) or access.shows(tin)
);
create policy identifier_of_subject on views.identifier for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home()) or access.shows(tin)
);
create policy particulars_of_subject on views.particulars for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home()) or access.shows(tin)
);
create policy status_period_of_subject on views.status_period for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home())
    or access.home_of(tin) = any ((select access.own_homes())::text[]) or tin = (select access.own_tin())
    or status = any (rule.certified()) and access.shows(tin)
);
create policy deadline_of_subject on views.deadline for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home())
    or access.home_of(tin) = any ((select access.own_homes())::text[]) or tin = (select access.own_tin())
);
create policy proposal_of_subject on views.proposal for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home())
    or access.home_of(tin) = any ((select access.own_homes())::text[])
);

do $$
declare
    guarded text;
begin
    foreach guarded in array array[
        'operator', 'certificate', 'change', 'consent', 'deadline', 'identifier', 'particulars', 'proposal',
        'status_period'
    ] loop
        execute format('create policy %I on views.%I to aeo_projector using (true) with check (true)',
            guarded || '_of_projector', guarded);
        execute format('create policy %I on views.%I for select to aeo_auditor using (true)',
            guarded || '_of_auditor', guarded);
        -- A policy is that of the table which a statement names: nobody reads around it by a partition.
        if guarded not in ('change', 'proposal') then
            for part in 0..7 loop
                execute format('revoke all on views.%I from aeo_reader', guarded || '_' || part);
            end loop;
        end if;
    end loop;
end
$$;

alter table views.operator enable row level security;
alter table views.certificate enable row level security;
alter table views.change enable row level security;
alter table views.consent enable row level security;
alter table views.deadline enable row level security;
alter table views.identifier enable row level security;
alter table views.particulars enable row level security;
alter table views.proposal enable row level security;
alter table views.status_period enable row level security;

reset role;

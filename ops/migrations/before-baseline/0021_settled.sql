-- Of an operator that is settled (views.operator.settled) the row itself says how it stands. Here is the
-- rule for such a row, without a look at the operator's own tables, and the long way for all others.
set local role aeo_owner;

-- A function with a subquery is not folded into the statement that calls it. Most verdicts have one
-- reason, and that one is worded in line.
create function rule.spelt_out(bits int) returns text[]
language sql immutable as $$
    select array(
        select r.reason from unnest(rule.reasons()) with ordinality as r(reason, place)
        where bits & (1 << (place::int - 1)) <> 0 order by place
    )
$$;

create or replace function rule.spelt(bits int) returns text[]
language sql immutable as $$
    select case
        when bits & (bits - 1) = 0 then array[(rule.reasons())[33 - position(B'1' in bits::bit(32))]]
        else rule.spelt_out(bits)
    end
$$;

-- The clause holds, even if an identifier or fresh data are wanting.
create function rule.proven() returns int
language sql immutable as $$
    select rule.bit('IN_FORCE') | rule.bit('UNMATCHED_IDENTIFIER') | rule.bit('STALE_DATA')
$$;

-- What one clause makes of one authorisation, where consent is not wanting. Conditions in the order of
-- registry.recognition; no consignment.
create function rule.met(
    held text, programme text, type text, roles text, programmes text[], types text[], clause_roles text[],
    state text, identifier text, stale boolean
) returns int language sql stable as $$
    select case
        when held is null then null
        when programmes <> '{}' and programme <> all (programmes) then rule.bit('TYPE_OUT_OF_SCOPE')
        when type <> all (types) and '*' <> all (types) then rule.bit('TYPE_OUT_OF_SCOPE')
        when clause_roles <> '{}' and not string_to_array(roles, ',') && clause_roles
            then rule.bit('ROLE_OUT_OF_SCOPE')
        when state = 'UNCERTAIN' then rule.bit('DATE_UNCERTAIN')
        when state = 'SUSPENDED' then rule.bit('AGREEMENT_SUSPENDED')
        when state = 'TERMINATED' then rule.bit('AGREEMENT_TERMINATED')
        when state = 'NOT_IMPLEMENTED' then rule.bit('AGREEMENT_NOT_IMPLEMENTED')
        when identifier is null then rule.bit('UNMATCHED_IDENTIFIER')
        when stale then rule.bit('STALE_DATA')
        else rule.bit('IN_FORCE')
    end
$$;

-- A basis in the selection that is asked most.
create function rule.basis_text(agreement text, held text, since timestamptz) returns text
language sql stable as $$
    select '{"agreement":{"id":' || to_json(agreement)::text || '},"authorisation":' || to_json(held)::text
        || ',"since":' || to_char(since at time zone 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"') || '}'
$$;

-- What all clauses together come to. at_home and in_sight: why no authorisation counts, 0 if one does.
create function rule.kind(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns text language sql immutable as $$
    select case
        when together then case when at_home = 0 then 'yes' else 'no' end
        when linked and not open then 'unknown'
        when in_sight <> 0 or not linked then 'no'
        when bits & rule.proven() <> 0 then 'proven'
        when bits & (rule.bit('NO_INFORMATION') | rule.bit('DATE_UNCERTAIN')) <> 0 then 'unknown'
        else 'no'
    end
$$;

create function rule.told(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns int language sql immutable as $$
    select case
        when together then rule.bit('SAME_ADMINISTRATION') | at_home
        when linked and not open then rule.bit('NO_INFORMATION')
        when in_sight <> 0 then in_sight
        when not linked then rule.bit('NO_AGREEMENT')
        when bits & rule.bit('IN_FORCE') <> 0 then rule.bit('IN_FORCE')
        when bits & rule.proven() <> 0 then rule.bit('IN_FORCE') | (bits & rule.proven())
        when bits & (rule.bit('NO_INFORMATION') | rule.bit('DATE_UNCERTAIN')) <> 0
            then bits & (rule.bit('NO_INFORMATION') | rule.bit('DATE_UNCERTAIN'))
        else bits
    end
$$;

create function rule.outcome(kind text, bits int) returns text
language sql immutable as $$
    select case kind
        when 'proven' then case
            when bits & (rule.bit('IN_FORCE') | rule.bit('STALE_DATA')) = rule.bit('STALE_DATA')
                then 'UNKNOWN' else 'RECOGNISED' end
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

create function rule.legal(kind text) returns text
language sql immutable as $$
    select case kind
        when 'proven' then 'RECOGNISED'
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

create function rule.operational(kind text, bits int) returns text
language sql immutable as $$
    select case kind
        when 'proven' then case
            when bits & rule.bit('IN_FORCE') <> 0 then 'RECOGNISED'
            when bits & rule.bit('STALE_DATA') <> 0 then 'UNKNOWN' else 'NOT_RECOGNISED' end
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

-- rule.verdicts for every territory and no consignment, of an operator that is settled at both instants:
-- the parameters that begin with my_ are columns of its row. What one link comes to is worked out once,
-- and then said of each member of the bloc to which it leads.
create function rule.everywhere(
    me text, home text, my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[],
    bases_text text
) language sql stable as $$
    select v.place, rule.outcome(v.kind, v.bits), rule.legal(v.kind), rule.operational(v.kind, v.bits),
        rule.spelt(v.told),
        case when v.kind = 'proven' then v.bases else '{}' end,
        case when v.kind = 'proven' then v.bases_text else '[]' end
    from (
        select w.place, w.bits, w.bases, w.bases_text,
            rule.kind(w.together, w.at_home, true, w.open, w.in_sight, w.bits) as kind,
            rule.told(w.together, w.at_home, true, w.open, w.in_sight, w.bits) as told
        from (
            select p.place, min(p.at_home) as at_home, min(p.in_sight) as in_sight,
                bool_or(p.together) as together, bool_or(p.open) as open, bit_or(p.bit) as bits,
                array_agg(
                    row(p.agreement, p.ordinal, p.held, p.since, p.identifier_scheme, p.identifier,
                        p.declaration_box, p.benefits, p.assumed)::rule.basis
                    order by p.agreement collate "C", p.ordinal, p.held collate "C", p.since
                ) filter (where p.bit & rule.proven() <> 0) as bases,
                '[' || string_agg(p.basis_text, ','
                    order by p.agreement collate "C", p.ordinal, p.held collate "C", p.since
                ) filter (where p.bit & rule.proven() <> 0) || ']' as bases_text
            from (
                select l.*, y.place, y.place = any (l.fellows) as together, y.consented or not l.asks as open,
                    case when l.asks_of_this and not y.consented then rule.bit('NO_INFORMATION') else l.met end as bit
                from (
                    select l.to_party, c.fellows, c.blocs, c.at_home, c.in_sight,
                        l.consent_required or c.lawful <> '{}' as asks,
                        s.held is not null and (l.consent_required or s.programme = any (c.lawful)) as asks_of_this,
                        l.agreement, l.ordinal, l.identifier_scheme, i.identifier, l.declaration_box,
                        l.benefits, l.assumed, s.held, greatest(s.since, l.valid_from) as since,
                        case when s.held is not null and l.state = 'LIVE' then
                            rule.basis_text(l.agreement, s.held, greatest(s.since, l.valid_from)) end as basis_text,
                        rule.met(s.held, s.programme, s.type, s.roles, l.programmes, l.types, l.roles, l.state,
                            i.identifier,
                            l.max_age_hours is not null and (
                                select max(r.as_of) from views.list_received r
                                where r.administration = home and r.recorded_from <= known
                            ) < at - make_interval(hours => l.max_age_hours)
                        ) as met
                    from (
                        select array[home] || b.blocs as ours,
                            array[home] || b.blocs || case when b.blocs = '{}' then '{}' else array(
                                select m.member from views.membership m
                                where m.bloc = any (b.blocs) and m.sense = 'CUSTOMS_TERRITORY'
                                  and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
                                  and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
                            ) end as fellows,
                            array(
                                select m.bloc from views.membership m
                                where m.sense = 'CUSTOMS_TERRITORY'
                                  and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
                                group by m.bloc
                            ) as blocs,
                            array(
                                select r.programme from views.programme_rule r
                                where r.rule = 'sharing_consent' and r.value = 'required'
                                  and r.programme = any (my_programmes)
                                  and r.valid_from <= at and (r.valid_to is null or r.valid_to > at)
                                  and r.recorded_from <= known and (r.recorded_to is null or r.recorded_to > known)
                            ) as lawful,
                            case when 'VALID' = any (my_statuses) then 0
                                else rule.bit(rule.nearest_miss(my_statuses)) end as at_home,
                            case when 'VALID' = any (my_abroad) then 0
                                else rule.bit(rule.nearest_miss(my_abroad)) end as in_sight
                        from (
                            select array(
                                select m.bloc from views.membership m
                                where m.member = home and m.sense = 'CUSTOMS_TERRITORY'
                                  and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
                                  and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
                            ) as blocs
                            offset 0
                        ) b
                        offset 0
                    ) c
                    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
                        as s(held, programme, type, abroad, roles, since) on s.abroad = 'VALID'
                    join views.link l on l.from_party = any (c.ours)
                        and l.kind = 'AEO_MUTUAL_RECOGNITION'
                        and l.valid_from <= at and (l.valid_to is null or l.valid_to > at)
                        and l.recorded_from <= known and (l.recorded_to is null or l.recorded_to > known)
                    cross join lateral (
                        select case when l.identifier_scheme is null then me
                            else my_identifiers[array_position(my_schemes, l.identifier_scheme)] end as identifier
                    ) i
                    -- Fences, here and below: worked out once and then read several times.
                    offset 0
                ) l
                cross join lateral (
                    select x.place, x.place = any (my_consents) or l.to_party = any (my_consents) as consented
                    from (
                        select l.to_party as place where l.to_party <> all (l.blocs)
                        union all
                        select m.member from views.membership m
                        where l.to_party = any (l.blocs) and m.bloc = l.to_party and m.sense = 'CUSTOMS_TERRITORY'
                          and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
                          and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
                    ) x
                ) y
            ) p
            group by p.place
        ) w
        offset 0
    ) v
$$;

-- The same into one territory. What does not depend on the operator is worked out once by whoever asks of
-- many: `ours`, its home and the blocs of that day; `theirs`, the territory and its blocs; `laws`, the
-- programmes whose law wants consent.
create function rule.there(
    me text, home text, ours text[], wanted text, theirs text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz
) returns table (
    outcome text, legal text, operational text, reasons text[], bases rule.basis[], bases_text text
) language sql stable as $$
    select rule.outcome(v.kind, v.bits), rule.legal(v.kind), rule.operational(v.kind, v.bits),
        rule.spelt(v.told),
        case when v.kind = 'proven' then v.bases else '{}' end,
        case when v.kind = 'proven' then v.bases_text else '[]' end
    from (
        select w.bits, w.bases, w.bases_text,
            rule.kind(w.together, w.at_home, w.linked, w.open, w.in_sight, w.bits) as kind,
            rule.told(w.together, w.at_home, w.linked, w.open, w.in_sight, w.bits) as told
        from (
            select ours && theirs as together,
                case when 'VALID' = any (my_statuses) then 0
                    else rule.bit(rule.nearest_miss(my_statuses)) end as at_home,
                case when 'VALID' = any (my_abroad) then 0
                    else rule.bit(rule.nearest_miss(my_abroad)) end as in_sight,
                p.linked, p.open, p.bits, p.bases, p.bases_text
            from (
                select count(*) > 0 as linked, bool_or(l.open) as open, bit_or(l.bit) as bits,
                    array_agg(
                        row(l.agreement, l.ordinal, l.held, l.since, l.identifier_scheme, l.identifier,
                            l.declaration_box, l.benefits, l.assumed)::rule.basis
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) as bases,
                    '[' || string_agg(rule.basis_text(l.agreement, l.held, l.since), ','
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) || ']' as bases_text
                from (
                    select l.agreement, l.ordinal, l.identifier_scheme, i.identifier, l.declaration_box,
                        l.benefits, l.assumed, s.held, greatest(s.since, l.valid_from) as since,
                        y.consented or not (l.consent_required or my_programmes && laws) as open,
                        case
                            when s.held is not null and not y.consented
                                and (l.consent_required or s.programme = any (laws)) then rule.bit('NO_INFORMATION')
                            else rule.met(s.held, s.programme, s.type, s.roles, l.programmes, l.types, l.roles,
                                l.state, i.identifier,
                                l.max_age_hours is not null and (
                                    select max(r.as_of) from views.list_received r
                                    where r.administration = home and r.recorded_from <= known
                                ) < at - make_interval(hours => l.max_age_hours))
                        end as bit
                    from views.link l
                    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
                        as s(held, programme, type, abroad, roles, since) on s.abroad = 'VALID'
                    cross join lateral (
                        select case when l.identifier_scheme is null then me
                            else my_identifiers[array_position(my_schemes, l.identifier_scheme)] end as identifier
                    ) i
                    cross join lateral (
                        select wanted = any (my_consents) or l.to_party = any (my_consents) as consented
                    ) y
                    where l.kind = 'AEO_MUTUAL_RECOGNITION'
                      and l.to_party = any (theirs) and l.from_party = any (ours)
                      and l.valid_from <= at and (l.valid_to is null or l.valid_to > at)
                      and l.recorded_from <= known and (l.recorded_to is null or l.recorded_to > known)
                    offset 0
                ) l
            ) p
            offset 0
        ) w
        offset 0
    ) v
$$;

-- The long way, by the tables on both clocks. In a language of its own, so that a statement which seldom
-- goes this way does not carry it: every partition that a statement names costs each of its runs.

-- The best standing first.
create function rule.statuses() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'SUSPENDED', 'GRANTED', 'UNDER_EXAMINATION', 'ACCEPTED', 'LODGED', 'SUPERSEDED',
        'EXPIRED', 'SURRENDERED', 'REVOKED', 'ANNULLED', 'REFUSED', 'WITHDRAWN', 'NOT_ACCEPTED', 'NONE'
    ]
$$;

create function rule.stood(me text, at timestamptz, known timestamptz) returns table (
    name text, local_name text, address text, roles text[], successor text, standing text
) language plpgsql stable rows 1 as $$
begin
    return query
    select n.name, n.local_name, n.address, n.roles, n.successor, coalesce((
        select p.status from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
        order by array_position(rule.statuses(), p.status) limit 1
    ), 'NONE')
    from views.particulars n
    where n.tin = me and n.recorded_from <= known and (n.recorded_to is null or n.recorded_to > known)
    order by greatest(n.valid_from, at), n.valid_from desc limit 1;
end
$$;

create function rule.consents_then(me text, now timestamptz) returns text[]
language plpgsql stable as $$
begin
    return array(
        select c.partner from views.consent c
        where c.tin = me
          and c.valid_from <= now and (c.valid_to is null or c.valid_to > now)
          and c.recorded_from <= now and (c.recorded_to is null or c.recorded_to > now)
    );
end
$$;

create function rule.verdict_then(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (outcome text, legal text, operational text, reasons text[], bases rule.basis[])
language plpgsql stable rows 1 as $$
begin
    return query
    select v.outcome, v.legal, v.operational, v.reasons, v.bases
    from rule.verdicts(me, home, wanted, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

create function rule.verdicts_then(me text, home text, at timestamptz, known timestamptz) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language plpgsql stable as $$
begin
    return query
    select v.* from rule.verdicts(me, home, null, at, known, null, null, null, null, null) v;
end
$$;

create function rule.periods_then(me text, known timestamptz, at_most int) returns table (
    authorisation text, number text, status text, valid_from timestamptz, valid_to timestamptz,
    recorded_from timestamptz, recorded_to timestamptz, place bigint
) language plpgsql stable as $$
begin
    return query
    select p.authorisation, p.number, p.status, p.valid_from, p.valid_to, p.recorded_from,
           p.recorded_to, p.position
    from views.status_period p
    where p.tin = me and p.recorded_from <= known
    order by p.valid_from desc, p.recorded_from desc, p.authorisation collate "C", p.position desc
    limit at_most;
end
$$;

reset role;

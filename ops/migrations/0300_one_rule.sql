-- One wording of the rule of recognition in SQL. rule.clauses is what each clause makes of each authorisation held;
-- rule.there and rule.everywhere read it, from an operator's row or, through rule.held, from the bitemporal tables. The
-- bitemporal predicate is rule.in_interval. The functions are those of ops/sql/rule/functions.
set local role aeo_owner;

drop function rule.met(text, text, text, text, text, text[], text[], text[], text, text, boolean);
drop function rule.there(
    text, text, text[], text, text[], text[], text[], text[], text[], text[], text[], text[], timestamptz[], text[],
    text[], text[], timestamptz, timestamptz);
drop function rule.there(
    text, text, text[], text, text[], text[], text[], text[], text[], text[], text[], text[], timestamptz[], text[],
    text[], text[], timestamptz, timestamptz, text, text, text, text, text);
drop function rule.everywhere(
    text, text, text[], text[], text[], text[], text[], text[], timestamptz[], text[], text[], text[], timestamptz,
    timestamptz);
drop function rule.verdicts_then(text, text, timestamptz, timestamptz);
drop function rule.at_home(boolean, int);

-- The bitemporal predicate, on one clock: whether an instant (UTC) lies in the half-open interval [starts, ends);
-- NULL as the end means without end. It is inlined. projections/reads/bitemporal_sql.py writes the same into statements.
create or replace function rule.in_interval(instant timestamptz, starts timestamptz, ends timestamptz) returns boolean
language sql immutable as $$ select starts <= instant and (ends is null or ends > instant) $$;

-- The members of blocs at an instant of valid time, as known at an instant of transaction time. It is inlined.
create or replace function rule.members(at timestamptz, known timestamptz) returns table (bloc text, member text)
language sql stable as $$
    select m.bloc, m.member from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY'
      and rule.in_interval(at, m.valid_from, m.valid_to)
      and rule.in_interval(known, m.recorded_from, m.recorded_to)
$$;

-- A territory and the blocs to whose customs territory it belongs at the instant of valid time, as known at the
-- instant of transaction time.
create or replace function rule.parties(code text, at timestamptz, known timestamptz) returns text[]
language sql stable as $$
    select array[code] || coalesce(array_agg(distinct m.bloc), '{}') from rule.members(at, known) m where m.member = code
$$;

-- The programmes whose law requires consent to sharing at an instant of valid time, as known at an instant of
-- transaction time. It is inlined.
create or replace function rule.consent_laws(at timestamptz, known timestamptz) returns table (programme text)
language sql stable as $$
    select r.programme from views.programme_rule r
    where r.rule = 'sharing_consent' and r.value = 'required'
      and rule.in_interval(at, r.valid_from, r.valid_to)
      and rule.in_interval(known, r.recorded_from, r.recorded_to)
$$;

-- The statuses that count abroad, or may count. As registry.domain.values.COUNTS_ABROAD.
create or replace function rule.counted_abroad() returns text[]
language sql immutable as $$ select array['VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN'] $$;

-- Names, address, roles, successor and standing of an operator at an instant of valid time, as known at an instant
-- of transaction time.
create or replace function rule.stood(me text, at timestamptz, known timestamptz) returns table (
    name text, local_name text, address text, roles text[], successor text, standing text
) language plpgsql stable rows 1 as $$
begin
    return query
    select n.name, n.local_name, n.address, n.roles, n.successor, coalesce((
        select p.status from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
        order by array_position(rule.statuses(), p.status) limit 1
    ), 'NONE')
    from views.particulars n
    where n.tin = me and rule.in_interval(known, n.recorded_from, n.recorded_to)
    order by greatest(n.valid_from, at), n.valid_from desc limit 1;
end
$$;

-- The partners to which an operator consents at an instant, on both clocks.
create or replace function rule.consents_then(me text, now timestamptz) returns text[]
language plpgsql stable as $$
begin
    return array(
        select c.partner from views.consent c
        where c.tin = me
          and rule.in_interval(now, c.valid_from, c.valid_to)
          and rule.in_interval(now, c.recorded_from, c.recorded_to)
    );
end
$$;

-- The standing as it counts abroad at an instant of valid time, as known at an instant of transaction time.
-- `all_of_it`: not only what is certified.
create or replace function rule.abroad_then(me text, at timestamptz, known timestamptz, all_of_it boolean) returns text
language plpgsql stable as $$
begin
    return rule.best(array(
        select p.abroad from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
          and (all_of_it or p.status = any (rule.certified()))
    ));
end
$$;

-- The best certified status at an instant of valid time, as known at an instant of transaction time.
create or replace function rule.certified_standing_then(me text, at timestamptz, known timestamptz) returns text
language plpgsql stable as $$
begin
    return rule.certified_standing(array(
        select p.status from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
    ));
end
$$;

-- Since when an authorisation has counted abroad as what it is: the beginning of the whole interval, which a
-- renewal, a reassessment or other roles do not end. As registry.domain.recognition.held_since.
create or replace function rule.held_since(
    me text, reference text, held_type text, began timestamptz, known timestamptz
) returns timestamptz language plpgsql stable as $$
begin
    -- The stretches of an authorisation follow each other without a gap. The last of them is the one
    -- that is asked about.
    return (
        with own as materialized (
            select p.type, p.abroad, p.valid_from, p.valid_to
            from views.status_period p
            where p.tin = me and p.authorisation = reference and p.valid_from <= began
              and rule.in_interval(known, p.recorded_from, p.recorded_to)
        )
        select coalesce(
            max(p.valid_to) filter (
                where p.valid_from < began and (p.type <> held_type
                    or p.abroad <> (select o.abroad from own o order by o.valid_from desc limit 1))
            ),
            min(p.valid_from))
        from own p
    );
end
$$;

-- The bit of why no authorisation counts; 0 if one has a status that is counted.
create or replace function rule.shortfall(statuses text[], counted text[]) returns int
language sql immutable as $$
    select case when statuses && counted then 0 else rule.bit(rule.nearest_miss(statuses)) end
$$;

-- The rule of recognition, first half: what each clause that leads away from `ours` makes of each authorisation held,
-- with the consignment asked about (NULL: not asked). A clause has at least one row; without an authorisation that
-- counts, or may count, abroad `held` and `met` are NULL. Whether consent is given depends on the territory, so it is
-- left to rule.there and rule.everywhere: `asks`: the answer needs consent; `asks_of_this`: this authorisation does.
-- `laws`: the programmes whose law requires consent. The parameters that begin with my_ are what the operator holds,
-- as in its row of views.operator. It is inlined.
create or replace function rule.clauses(
    me text, home text, ours text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_abroad text[], my_roles text[], my_from timestamptz[],
    my_schemes text[], my_identifiers text[], at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    to_party text, agreement text, ordinal int, identifier_scheme text, identifier text, declaration_box text,
    benefits text[], assumed boolean, held text, since timestamptz, asks boolean, asks_of_this boolean, met int,
    basis_text text
) language sql stable as $$
    select l.to_party, l.agreement, l.ordinal, l.identifier_scheme, i.identifier, l.declaration_box,
        l.benefits, l.assumed or s.abroad = 'LISTED', s.held, greatest(s.since, l.valid_from),
        l.consent_required or my_programmes && laws,
        s.held is not null and (l.consent_required or s.programme = any (laws)),
        rule.met(s.held, s.programme, s.type, s.abroad, s.roles, l.programmes, l.types, l.roles,
            l.state, i.identifier,
            l.max_age_hours is not null and (
                select max(r.as_of) from views.list_received r
                where r.administration = home and r.recorded_from <= known
            ) < at - make_interval(hours => l.max_age_hours),
            l.direction, l.hs, l.crossings, l.modes,
            asked_role, asked_direction, asked_hs, asked_crossing, asked_mode),
        case when s.held is not null and l.state = 'LIVE' then
            rule.basis_text(l.agreement, s.held, greatest(s.since, l.valid_from)) end
    from views.link l
    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
        as s(held, programme, type, abroad, roles, since) on s.abroad = any (rule.counted_abroad())
    cross join lateral (
        select case when l.identifier_scheme is null then me
            else my_identifiers[array_position(my_schemes, l.identifier_scheme)] end as identifier
    ) i
    where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.from_party = any (ours)
      and rule.in_interval(at, l.valid_from, l.valid_to)
      and rule.in_interval(known, l.recorded_from, l.recorded_to)
$$;

-- The rule of recognition into one territory, with the consignment asked about: one row. What does not depend on the
-- operator is computed once by a caller that asks about many: `ours`, its home and the blocs of that instant;
-- `theirs`, the territory and its blocs; `laws`, the programmes whose law requires consent. The parameters that begin
-- with my_ are what the operator holds, as in its row of views.operator or from rule.held.
create or replace function rule.there(
    me text, home text, ours text[], wanted text, theirs text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
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
            select ours && theirs as together, rule.shortfall(my_statuses, array['VALID']) as at_home,
                rule.shortfall(my_abroad, rule.counted_abroad()) as in_sight, p.*
            from (
                select count(*) > 0 as linked, bool_or(l.consented or not l.asks) as open, bit_or(l.bit) as bits,
                    array_agg(
                        row(l.agreement, l.ordinal, l.held, l.since, l.identifier_scheme, l.identifier,
                            l.declaration_box, l.benefits, l.assumed)::rule.basis
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) as bases,
                    '[' || string_agg(l.basis_text, ','
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) || ']' as bases_text
                from (
                    select c.*, y.consented,
                        case when c.asks_of_this and not y.consented then rule.bit('NO_INFORMATION') else c.met end as bit
                    from rule.clauses(me, home, ours, laws, my_held, my_programmes, my_types, my_abroad, my_roles,
                        my_from, my_schemes, my_identifiers, at, known,
                        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) c
                    cross join lateral (select theirs && my_consents as consented) y
                    where c.to_party = any (theirs)
                    offset 0  -- optimisation fence, here and below: computed once and then read several times
                ) l
            ) p
            offset 0
        ) w
        offset 0
    ) v
$$;

-- The rule of recognition for every territory to which the agreements lead, with the consignment asked about: one row
-- for each; a bloc stands for its members at that instant. The parameters that begin with my_ are what the operator
-- holds, as in its row of views.operator or from rule.held. What a clause comes to is computed once, and then given to
-- each member of the bloc to which it leads.
create or replace function rule.everywhere(
    me text, home text, my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
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
                bool_or(p.together) as together, bool_or(p.consented or not p.asks) as open, bit_or(p.bit) as bits,
                array_agg(
                    row(p.agreement, p.ordinal, p.held, p.since, p.identifier_scheme, p.identifier,
                        p.declaration_box, p.benefits, p.assumed)::rule.basis
                    order by p.agreement collate "C", p.ordinal, p.held collate "C", p.since
                ) filter (where p.bit & rule.proven() <> 0) as bases,
                '[' || string_agg(p.basis_text, ','
                    order by p.agreement collate "C", p.ordinal, p.held collate "C", p.since
                ) filter (where p.bit & rule.proven() <> 0) || ']' as bases_text
            from (
                select l.*, y.place, y.consented, y.place = any (l.fellows) as together,
                    case when l.asks_of_this and not y.consented then rule.bit('NO_INFORMATION') else l.met end as bit
                from (
                    select c.*, n.fellows, n.blocs, n.let_in, n.at_home, n.in_sight
                    from (
                        select b.ours, b.blocs, b.fellows, b.laws,
                            -- The members of the blocs that it consents to.
                            case when b.blocs && my_consents then array(
                                select m.member from rule.members(at, known) m where m.bloc = any (my_consents)
                            ) else '{}' end as let_in,
                            rule.shortfall(my_statuses, array['VALID']) as at_home,
                            rule.shortfall(my_abroad, rule.counted_abroad()) as in_sight
                        from (
                            select array[home] || a.blocs as ours,
                                array[home] || a.blocs || case when a.blocs = '{}' then '{}' else array(
                                    select m.member from rule.members(at, known) m where m.bloc = any (a.blocs)
                                ) end as fellows,
                                array(
                                    select m.bloc from views.membership m
                                    where m.sense = 'CUSTOMS_TERRITORY'
                                      and rule.in_interval(known, m.recorded_from, m.recorded_to)
                                    group by m.bloc
                                ) as blocs,
                                array(
                                    select r.programme from rule.consent_laws(at, known) r
                                    where r.programme = any (my_programmes)
                                ) as laws
                            from (
                                select array(
                                    select m.bloc from rule.members(at, known) m where m.member = home
                                ) as blocs
                                offset 0  -- optimisation fence, here and below: computed once, read several times
                            ) a
                            offset 0
                        ) b
                        offset 0
                    ) n
                    cross join lateral rule.clauses(me, home, n.ours, n.laws, my_held, my_programmes, my_types,
                        my_abroad, my_roles, my_from, my_schemes, my_identifiers, at, known,
                        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) c
                    offset 0
                ) l
                cross join lateral (
                    select x.place, x.place = any (my_consents) or l.to_party = any (my_consents)
                        or x.place = any (l.let_in) as consented
                    from (
                        select l.to_party as place where l.to_party <> all (l.blocs)
                        union all
                        select m.member from rule.members(at, known) m
                        where l.to_party = any (l.blocs) and m.bloc = l.to_party
                    ) x
                ) y
            ) p
            group by p.place
        ) w
        offset 0
    ) v
$$;

-- What an operator held at an instant of valid time, as known at an instant of transaction time: one row, as the
-- arrays of views.operator, from the bitemporal tables.
create or replace function rule.held(me text, at timestamptz, known timestamptz) returns table (
    held text[], programmes text[], types text[], statuses text[], abroad text[], roles text[], since timestamptz[],
    schemes text[], identifiers text[], consents text[]
) language sql stable as $$
    select coalesce(s.held, '{}'), coalesce(s.programmes, '{}'), coalesce(s.types, '{}'), coalesce(s.statuses, '{}'),
        coalesce(s.abroad, '{}'), coalesce(s.roles, '{}'), coalesce(s.since, '{}'),
        coalesce(i.schemes, '{}'), coalesce(i.identifiers, '{}'),
        array(
            select c.partner from views.consent c
            where c.tin = me
              and rule.in_interval(at, c.valid_from, c.valid_to)
              and rule.in_interval(known, c.recorded_from, c.recorded_to)
        )
    from (
        select array_agg(coalesce(p.number, p.authorisation)) as held, array_agg(p.programme) as programmes,
            array_agg(p.type) as types, array_agg(p.status) as statuses, array_agg(p.abroad) as abroad,
            array_agg(array_to_string(p.roles, ',')) as roles,
            array_agg(case when p.abroad in ('VALID', 'LISTED')
                then rule.held_since(me, p.authorisation, p.type, p.valid_from, known) else p.valid_from end) as since
        from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
    ) s
    cross join (
        select array_agg(o.scheme) as schemes, array_agg(o.value) as identifiers
        from (
            select i.scheme, min(i.value collate "C") as value
            from views.identifier i
            where i.tin = me
              and rule.in_interval(at, i.valid_from, i.valid_to)
              and rule.in_interval(known, i.recorded_from, i.recorded_to)
            group by i.scheme
        ) o
    ) i
$$;

-- The rule of recognition into one territory from the bitemporal tables, for any two instants: rule.there over what
-- rule.held finds. `home` is the administration of the operator, which the caller knows to be registered. It is
-- procedural, so that its plan is made only where it is called, and generic, so that it is made once: planning takes
-- ten times as long as the answer.
create or replace function rule.verdict_then(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (outcome text, legal text, operational text, reasons text[], bases rule.basis[])
language plpgsql stable rows 1
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select v.outcome, v.legal, v.operational, v.reasons, v.bases
    from (
        select h.*, rule.parties(home, at, known) as ours, rule.parties(wanted, at, known) as theirs,
            array(select c.programme from rule.consent_laws(at, known) c) as laws
        from rule.held(me, at, known) h
        offset 0  -- optimisation fence: computed once
    ) h
    cross join lateral rule.there(me, home, h.ours, wanted, h.theirs, h.laws, h.held, h.programmes, h.types,
        h.statuses, h.abroad, h.roles, h.since, h.schemes, h.identifiers, h.consents, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

-- The rule of recognition for every territory from the bitemporal tables, for any two instants: rule.everywhere over
-- what rule.held finds. `home` is the administration of the operator, which the caller knows to be registered. It is
-- procedural, so that its plan is made only where it is called, and generic, so that it is made once: planning takes
-- ten times as long as the answer.
create or replace function rule.verdicts_then(
    me text, home text, at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select v.territory, v.outcome, v.legal, v.operational, v.reasons, v.bases
    from (select h.* from rule.held(me, at, known) h offset 0) h  -- optimisation fence: computed once
    cross join lateral rule.everywhere(me, home, h.held, h.programmes, h.types, h.statuses, h.abroad, h.roles,
        h.since, h.schemes, h.identifiers, h.consents, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

-- The rule of recognition from the bitemporal tables: one row for each territory, the one asked about or, where
-- `wanted` is NULL, each to which the agreements lead. `at` is valid time, `known` transaction time, both UTC.
create or replace function rule.verdicts(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language sql stable as $$
    select wanted, v.*
    from rule.verdict_then(me, home, wanted, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v
    where wanted is not null
    union all
    select v.*
    from rule.verdicts_then(me, home, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v
    where wanted is null
$$;

reset role;

-- The law of consent has three forms: to each partner, one general consent for every partner found adequate, none.
set local role aeo_owner;

drop index if exists views.programme_rule_consent;
drop index if exists views.programme_rule_adequate;
create index programme_rule_consent on views.programme_rule (programme) where rule = 'sharing_consent';
create index programme_rule_adequate on views.programme_rule (programme) where starts_with(rule, 'adequate.');
drop function rule.consent_laws(timestamptz, timestamptz);

-- Whether a row of views.programme_rule belongs to the law of consent: it requires consent to sharing, or names a
-- partner whose data protection was found adequate. It is inlined.
create or replace function rule.is_consent_law(rule text, value text) returns boolean
language sql immutable as $$
    select rule = 'sharing_consent' and value in ('required', 'per partner', 'general')
        or starts_with(rule, 'adequate.') and value = 'adequate'
$$;

-- The law of consent to sharing as known at an instant of transaction time, each with its interval of valid time, as
-- texts: `P`, the law of programme P requires consent; `P general`, one consent for every partner found adequate;
-- `P adequate KR`, that partner or bloc was found adequate. It is inlined.
create or replace function rule.consent_laws_known(known timestamptz)
returns table (law text, valid_from timestamptz, valid_to timestamptz)
language sql stable as $$
    select r.programme || t.form, r.valid_from, r.valid_to
    from views.programme_rule r
    join (values (' general', array['general']), ('', array['general', 'per partner', 'required'])) as t(form, written)
        on r.value = any (t.written)
    where r.rule = 'sharing_consent' and rule.in_interval(known, r.recorded_from, r.recorded_to)
    union all
    select r.programme || ' adequate ' || substr(r.rule, 10), r.valid_from, r.valid_to
    from views.programme_rule r
    where starts_with(r.rule, 'adequate.') and r.value = 'adequate'
      and rule.in_interval(known, r.recorded_from, r.recorded_to)
$$;

-- The law of consent to sharing at an instant of valid time, as known at an instant of transaction time: the texts of
-- rule.consent_laws_known. It is inlined.
create or replace function rule.consent_laws(at timestamptz, known timestamptz) returns table (law text)
language sql stable as $$
    select l.law from rule.consent_laws_known(known) l where rule.in_interval(at, l.valid_from, l.valid_to)
$$;

-- Which consent the law of an operator's programmes requires: one row. `general`: a general one, `each`: one to each
-- partner, in either case by the law of some programme. `laws`: what rule.consent_laws gives. It is inlined.
create or replace function rule.consent_kinds(my_programmes text[], laws text[])
returns table (general boolean, each boolean) language sql immutable as $$
    select coalesce(bool_or(p || ' general' = any (laws)), false),
        coalesce(bool_or(p = any (laws) and p || ' general' <> all (laws)), false)
    from unnest(my_programmes) p
$$;

-- Whether an operator's consents reach a partner (registry/domain/consent.py). `general`, `each`: the law of one of its
-- programmes requires a general consent, or one to each partner. `given`: the operator gave the general consent, and
-- the partner is in rule.adequate; `to_partner`: it consents to the partner or to a bloc of it. It is inlined.
create or replace function rule.consented(general boolean, each boolean, given boolean, to_partner boolean)
returns boolean language sql immutable as $$
    select case
        when not general and (to_partner or each) then to_partner
        else given and (to_partner or not each)
    end
$$;

-- The partners and blocs that a general consent of an operator with authorisations of these programmes reaches:
-- those found adequate for each of its programmes whose law of consent is general; without such a programme, for
-- any. `laws`: as rule.consent_laws gives them.
create or replace function rule.adequate(my_programmes text[], laws text[]) returns text[]
language sql immutable as $$
    select case when g.programmes is null then '{}' else array(
        select a.partner
        from unnest(laws) l
        cross join lateral (select split_part(l, ' adequate ', 1) as programme, split_part(l, ' adequate ', 2) as partner) a
        where a.partner <> '' and a.programme = any (g.programmes)
        group by a.partner
        having not g.own or count(*) = cardinality(g.programmes)
    ) end
    from (
        select case when f.own is null then f.every else f.own end as programmes, f.own is not null as own
        from (
            select array_agg(p) as every, array_agg(p) filter (where p = any (my_programmes)) as own
            from unnest(laws) l
            cross join lateral (select split_part(l, ' general', 1) as p) s
            where l = s.p || ' general'
        ) f
    ) g
$$;

-- The rule of recognition into one territory, with the consignment asked about: one row. What does not depend on the
-- operator is computed once by a caller that asks about many: `ours`, its home and the blocs of that instant;
-- `theirs`, the territory and its blocs; `laws`, what rule.consent_laws gives. The parameters that begin
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
                    cross join (
                        select rule.consented(g.general, g.each, '+' = any (my_consents)
                            and theirs && rule.adequate(my_programmes, laws), theirs && my_consents) as consented
                        from rule.consent_kinds(my_programmes, laws) g
                        offset 0
                    ) y
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
                    select c.*, n.fellows, n.blocs, n.let_in, n.general, n.each, n.adequate, n.at_home, n.in_sight
                    from (
                        select b.ours, b.blocs, b.fellows, b.laws, g.general, g.each,
                            b.adequate || case when b.blocs && b.adequate then array(
                                select m.member from rule.members(at, known) m where m.bloc = any (b.adequate)
                            ) else '{}' end as adequate,
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
                                a.laws, case when '+' = any (my_consents)
                                    then rule.adequate(my_programmes, a.laws) else '{}' end as adequate
                            from (
                                select array(
                                    select m.bloc from rule.members(at, known) m where m.member = home
                                ) as blocs, array(select c.law from rule.consent_laws(at, known) c) as laws
                                offset 0  -- optimisation fence, here and below: computed once, read several times
                            ) a
                            offset 0
                        ) b
                        cross join rule.consent_kinds(my_programmes, b.laws) g
                        offset 0
                    ) n
                    cross join lateral rule.clauses(me, home, n.ours, n.laws, my_held, my_programmes, my_types,
                        my_abroad, my_roles, my_from, my_schemes, my_identifiers, at, known,
                        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) c
                    offset 0
                ) l
                cross join lateral (
                    select x.place, rule.consented(l.general, l.each,
                        x.place = any (l.adequate) or l.to_party = any (l.adequate),
                        x.place = any (my_consents) or l.to_party = any (my_consents) or x.place = any (l.let_in)
                    ) as consented
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
            array(select c.law from rule.consent_laws(at, known) c) as laws
        from rule.held(me, at, known) h
        offset 0  -- optimisation fence: computed once
    ) h
    cross join lateral rule.there(me, home, h.ours, wanted, h.theirs, h.laws, h.held, h.programmes, h.types,
        h.statuses, h.abroad, h.roles, h.since, h.schemes, h.identifiers, h.consents, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

reset role;

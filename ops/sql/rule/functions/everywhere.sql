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

-- The rule of recognition for every territory, from what an operator holds: the parameters that begin with my_ are
-- columns of its current row. What one link comes to is computed once, and then given to each member of the bloc
-- to which the link leads. Every instant is UTC.
create or replace function rule.everywhere(
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
                    select l.to_party, c.fellows, c.blocs, c.let_in, c.at_home, c.in_sight,
                        l.consent_required or c.lawful <> '{}' as asks,
                        s.held is not null and (l.consent_required or s.programme = any (c.lawful)) as asks_of_this,
                        l.agreement, l.ordinal, l.identifier_scheme, i.identifier, l.declaration_box,
                        l.benefits, l.assumed or s.abroad = 'LISTED' as assumed, s.held, greatest(s.since, l.valid_from) as since,
                        case when s.held is not null and l.state = 'LIVE' then
                            rule.basis_text(l.agreement, s.held, greatest(s.since, l.valid_from)) end as basis_text,
                        rule.met(s.held, s.programme, s.type, s.abroad, s.roles, l.programmes, l.types, l.roles, l.state,
                            i.identifier,
                            l.max_age_hours is not null and (
                                select max(r.as_of) from views.list_received r
                                where r.administration = home and r.recorded_from <= known
                            ) < at - make_interval(hours => l.max_age_hours)
                        ) as met
                    from (
                        select n.*,
                            -- The members of the blocs that it consents to.
                            case when n.blocs && my_consents then array(
                                select m.member from views.membership m
                                where m.bloc = any (my_consents) and m.sense = 'CUSTOMS_TERRITORY'
                                  and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
                                  and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
                            ) else '{}' end as let_in
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
                            case when my_abroad && array['VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN'] then 0
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
                        ) n
                        offset 0
                    ) c
                    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
                        as s(held, programme, type, abroad, roles, since) on s.abroad in ('VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN')
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
                    select x.place, x.place = any (my_consents) or l.to_party = any (my_consents)
                        or x.place = any (l.let_in) as consented
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

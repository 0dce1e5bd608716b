-- The rule of recognition, first half: what each clause that leads away from `ours` makes of each authorisation held,
-- with the consignment asked about (NULL: not asked). A clause has at least one row; without an authorisation that
-- counts, or may count, abroad `held` and `met` are NULL. Whether consent is given depends on the territory, so it is
-- left to rule.there and rule.everywhere: `asks`: the answer needs consent; `asks_of_this`: this authorisation does.
-- `laws`: what rule.consent_laws gives. The parameters that begin with my_ are what the operator holds,
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
            d.as_of < at - make_interval(hours => least(l.max_age_hours, d.cadence_hours)),
            l.direction, l.hs, l.crossings, l.modes,
            asked_role, asked_direction, asked_hs, asked_crossing, asked_mode),
        case when s.held is not null and l.state = 'LIVE' then
            rule.basis_text(l.agreement, s.held, greatest(s.since, l.valid_from)) end
    from views.link l
    left join (
        select r.as_of, r.cadence_hours from views.list_received r
        where r.administration = home and r.recorded_from <= known
        order by r.position desc limit 1
    ) d on true
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

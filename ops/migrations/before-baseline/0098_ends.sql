-- Ends said in advance are law on their day. Where a programme ends by decision alone, what comes after the
-- day is DECISION_AWAITED: a status of its own, and a reason for UNKNOWN. Conditions stay in the order of
-- registry.recognition.
set local role aeo_owner;

create or replace function rule.reasons() returns text[]
language sql immutable as $$
    select array[
        'AGREEMENT_NOT_IMPLEMENTED', 'AGREEMENT_SUSPENDED', 'AGREEMENT_TERMINATED', 'AUTHORISATION_ENDED',
        'AUTHORISATION_SUSPENDED', 'CROSSING_OUT_OF_SCOPE', 'DATE_UNCERTAIN', 'DECISION_AWAITED',
        'DIRECTION_OUT_OF_SCOPE', 'GOODS_OUT_OF_SCOPE', 'IN_FORCE', 'NOT_YET_EFFECTIVE', 'NO_AGREEMENT',
        'NO_AUTHORISATION', 'NO_INFORMATION', 'ROLE_OUT_OF_SCOPE', 'SAME_ADMINISTRATION', 'STALE_DATA',
        'TYPE_OUT_OF_SCOPE', 'UNMATCHED_IDENTIFIER'
    ]
$$;

-- The best standing first.
create or replace function rule.statuses() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'DECISION_AWAITED', 'SUSPENDED', 'GRANTED', 'UNDER_EXAMINATION', 'ACCEPTED', 'LODGED',
        'SUPERSEDED', 'EXPIRED', 'SURRENDERED', 'REVOKED', 'ANNULLED', 'REFUSED', 'WITHDRAWN', 'NOT_ACCEPTED',
        'NONE'
    ]
$$;

-- Why no authorisation counts: the nearest miss.
create or replace function rule.nearest_miss(statuses text[]) returns text
language sql immutable as $$
    select case
        when 'DECISION_AWAITED' = any (statuses) then 'DECISION_AWAITED'
        when 'SUSPENDED' = any (statuses) then 'AUTHORISATION_SUSPENDED'
        when 'GRANTED' = any (statuses) then 'NOT_YET_EFFECTIVE'
        when statuses && array['REVOKED', 'ANNULLED', 'SURRENDERED', 'EXPIRED', 'SUPERSEDED'] then 'AUTHORISATION_ENDED'
        else 'NO_AUTHORISATION'
    end
$$;

-- What partners are told of: an authorisation that is past its end is certified as long as nobody decided.
create or replace function rule.certified() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'DECISION_AWAITED', 'SUSPENDED', 'GRANTED', 'SUPERSEDED', 'EXPIRED', 'SURRENDERED', 'REVOKED',
        'ANNULLED'
    ]
$$;

-- The reasons that leave an answer open where no clause holds.
create function rule.open() returns int
language sql immutable as $$
    select rule.bit('NO_INFORMATION') | rule.bit('DATE_UNCERTAIN') | rule.bit('DECISION_AWAITED')
$$;

-- Within one customs territory. at_home: why no authorisation counts.
create function rule.at_home(valid boolean, at_home int) returns text
language sql immutable as $$
    select case
        when valid then 'RECOGNISED'
        when at_home = rule.bit('DECISION_AWAITED') then 'UNKNOWN'
        else 'NOT_RECOGNISED'
    end
$$;

create or replace function rule.verdicts(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language sql stable as $$
    with standing as materialized (
        select p.authorisation, p.number, p.programme, p.type, p.status, p.abroad, p.roles, p.valid_from,
               exists (
                   select from views.programme_rule r
                   where r.programme = p.programme and r.rule = 'sharing_consent' and r.value = 'required'
                     and r.valid_from <= at and (r.valid_to is null or r.valid_to > at)
                     and r.recorded_from <= known and (r.recorded_to is null or r.recorded_to > known)
               ) as lawful
        from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
    ),
    held as materialized (
        select coalesce(bool_or(s.status = 'VALID'), false) as valid_home,
               coalesce(bool_or(s.abroad in ('VALID', 'DECISION_AWAITED')), false) as valid_abroad,
               coalesce(bool_or(s.lawful), false) as lawful,
               rule.bit(rule.nearest_miss(array_agg(s.status))) as at_home,
               rule.bit(rule.nearest_miss(array_agg(s.abroad))) as in_sight
        from standing s
    ),
    members as materialized (
        select m.bloc, m.member from views.membership m
        where m.sense = 'CUSTOMS_TERRITORY'
          and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
          and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
    ),
    ours as materialized (
        select home as party union all select m.bloc from members m where m.member = home
    ),
    theirs as materialized (
        select wanted as party where wanted is not null
        union all select m.bloc from members m where m.member = wanted
    ),
    identified as materialized (
        select i.scheme, min(i.value collate "C") as value
        from views.identifier i
        where i.tin = me
          and i.valid_from <= at and (i.valid_to is null or i.valid_to > at)
          and i.recorded_from <= known and (i.recorded_to is null or i.recorded_to > known)
        group by i.scheme
    ),
    linked as materialized (
        select l.agreement, l.ordinal, l.to_party, l.state, l.assumed, l.programmes, l.types, l.roles,
               l.direction, l.hs, l.crossings, l.modes, l.identifier_scheme, l.declaration_box,
               l.benefits, l.consent_required, l.valid_from,
               case when l.identifier_scheme is null then me else (
                   select i.value from identified i where i.scheme = l.identifier_scheme
               ) end as identifier,
               case when l.max_age_hours is null then false else coalesce((
                   select max(r.as_of) from views.list_received r
                   where r.administration = home and r.recorded_from <= known
               ) < at - make_interval(hours => l.max_age_hours), false) end as stale
        from ours o join views.link l on l.from_party = o.party
        where l.kind = 'AEO_MUTUAL_RECOGNITION'
          and (wanted is null or l.to_party in (select t.party from theirs t))
          and l.valid_from <= at and (l.valid_to is null or l.valid_to > at)
          and l.recorded_from <= known and (l.recorded_to is null or l.recorded_to > known)
    ),
    consented as materialized (
        select array(
            select c.partner from views.consent c
            where c.tin = me
              and c.valid_from <= at and (c.valid_to is null or c.valid_to > at)
              and c.recorded_from <= known and (c.recorded_to is null or c.recorded_to > known)
        ) as to_whom
    ),
    asked(place) as materialized (
        select wanted where wanted is not null
        union
        select m.member from linked l join members m on m.bloc = l.to_party where wanted is null
        union
        select l.to_party from linked l
        where wanted is null and not exists (
            select from views.membership m
            where m.bloc = l.to_party and m.sense = 'CUSTOMS_TERRITORY'
              and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known))
    ),
    -- The parties that stand for each territory: itself, and its blocs of that day.
    ways as materialized (
        select a.place, a.place as party from asked a
        union all
        select a.place, m.bloc from asked a join members m on m.member = a.place
    ),
    -- Consent to a bloc counts for its members' own agreements of that day.
    consenting as materialized (
        select w.place from ways w cross join consented c where w.party = any (c.to_whom)
    )
    select
        v.place,
        case v.kind
            when 'together' then rule.at_home(v.valid_home, v.at_home)
            when 'yes' then case
                when v.bits & rule.bit('IN_FORCE') = 0 and v.bits & rule.bit('STALE_DATA') <> 0
                    then 'UNKNOWN' else 'RECOGNISED' end
            when 'hidden' then 'UNKNOWN'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case v.kind
            when 'together' then rule.at_home(v.valid_home, v.at_home)
            when 'yes' then 'RECOGNISED'
            when 'hidden' then 'UNKNOWN'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case v.kind
            when 'together' then rule.at_home(v.valid_home, v.at_home)
            when 'yes' then case
                when v.bits & rule.bit('IN_FORCE') <> 0 then 'RECOGNISED'
                when v.bits & rule.bit('STALE_DATA') <> 0 then 'UNKNOWN'
                else 'NOT_RECOGNISED' end
            when 'hidden' then 'UNKNOWN'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        rule.spelt(v.told),
        case when v.kind = 'yes' then v.bases else '{}' end
    from (
        select k.*, h.valid_home, h.at_home,
            case k.kind
                when 'hidden' then rule.bit('NO_INFORMATION')
                when 'together' then rule.bit('SAME_ADMINISTRATION')
                    | case when h.valid_home then 0 else h.at_home end
                when 'standing' then h.in_sight
                when 'unlinked' then rule.bit('NO_AGREEMENT')
                when 'yes' then rule.bit('IN_FORCE') | case
                    when k.bits & rule.bit('IN_FORCE') <> 0 then 0
                    else k.bits & (rule.bit('UNMATCHED_IDENTIFIER') | rule.bit('STALE_DATA')) end
                when 'unknown' then k.bits & rule.open()
                else k.bits
            end as told
        from held h cross join lateral (
            select w.*,
                case
                    when w.together then 'together'
                    when w.linked and not w.open then 'hidden'
                    when not h.valid_abroad then 'standing'
                    when not w.linked then 'unlinked'
                    when w.bits & (rule.bit('IN_FORCE') | rule.bit('UNMATCHED_IDENTIFIER') | rule.bit('STALE_DATA')) <> 0
                        then 'yes'
                    when w.bits & rule.open() <> 0 then 'unknown'
                    else 'no'
                end as kind
            from (
                select p.place, bool_or(p.together) as together, bool_or(p.agreement is not null) as linked,
                    coalesce(bool_or(p.consented or not (p.consent_required or h.lawful)), false) as open,
                    bit_or(p.bit) as bits,
                    array_agg(
                        row(p.agreement, p.ordinal, p.held, p.since, p.identifier_scheme, p.identifier,
                            p.declaration_box, p.benefits, p.assumed)::rule.basis
                        order by p.agreement collate "C", p.ordinal, p.held collate "C", p.since
                    ) filter (where p.bit & (rule.bit('IN_FORCE') | rule.bit('UNMATCHED_IDENTIFIER')
                                             | rule.bit('STALE_DATA')) <> 0) as bases
                from (
                    select w.place, exists (select from ours o where o.party = w.party) as together,
                        l.agreement, l.ordinal, l.identifier_scheme, l.identifier, l.declaration_box,
                        l.benefits, l.assumed, l.consent_required, y.consented,
                        coalesce(s.number, s.authorisation) as held, greatest(s.valid_from, l.valid_from) as since,
                        case
                            when s.authorisation is null then null
                            when (l.consent_required or s.lawful) and not y.consented then rule.bit('NO_INFORMATION')
                            when l.programmes <> '{}' and s.programme <> all (l.programmes)
                                then rule.bit('TYPE_OUT_OF_SCOPE')
                            when s.type <> all (l.types) and '*' <> all (l.types) then rule.bit('TYPE_OUT_OF_SCOPE')
                            when s.roles <> '{}' and asked_role <> all (s.roles) then rule.bit('ROLE_OUT_OF_SCOPE')
                            when l.roles <> '{}' and not (
                                    case when asked_role is null then s.roles else array[asked_role] end && l.roles
                                ) then rule.bit('ROLE_OUT_OF_SCOPE')
                            when l.direction <> asked_direction then rule.bit('DIRECTION_OUT_OF_SCOPE')
                            when l.hs <> '{}' and asked_hs is not null and not exists (
                                    select from unnest(l.hs) as h(code) where starts_with(asked_hs, h.code)
                                ) then rule.bit('GOODS_OUT_OF_SCOPE')
                            when l.crossings <> '{}' and asked_crossing is not null
                                and not rule.crosses(l.crossings, asked_crossing) then rule.bit('CROSSING_OUT_OF_SCOPE')
                            when l.modes <> '{}' and asked_mode is not null and lower(asked_mode) <> all (l.modes)
                                then rule.bit('CROSSING_OUT_OF_SCOPE')
                            when l.state = 'UNCERTAIN' then rule.bit('DATE_UNCERTAIN')
                            when l.state = 'SUSPENDED' then rule.bit('AGREEMENT_SUSPENDED')
                            when l.state = 'TERMINATED' then rule.bit('AGREEMENT_TERMINATED')
                            when l.state = 'NOT_IMPLEMENTED' then rule.bit('AGREEMENT_NOT_IMPLEMENTED')
                            when s.abroad = 'DECISION_AWAITED' then rule.bit('DECISION_AWAITED')
                            when l.identifier is null then rule.bit('UNMATCHED_IDENTIFIER')
                            when l.stale then rule.bit('STALE_DATA')
                            else rule.bit('IN_FORCE')
                        end as bit
                    from ways w
                    left join linked l on l.to_party = w.party
                    left join standing s on s.abroad in ('VALID', 'DECISION_AWAITED') and l.agreement is not null
                    cross join lateral (
                        select w.place in (select t.place from consenting t) as consented
                    ) y
                ) p
                group by p.place
            ) w
        ) k
        -- A fence: what is said of each territory is worked out once, and then read several times.
        offset 0
    ) v
$$;

create or replace function rule.met(
    held text, programme text, type text, abroad text, roles text, programmes text[], types text[], clause_roles text[],
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
        when abroad = 'DECISION_AWAITED' then rule.bit('DECISION_AWAITED')
        when identifier is null then rule.bit('UNMATCHED_IDENTIFIER')
        when stale then rule.bit('STALE_DATA')
        else rule.bit('IN_FORCE')
    end
$$;

create or replace function rule.kind(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns text language sql immutable as $$
    select case
        when together then case at_home when 0 then 'yes' when rule.bit('DECISION_AWAITED') then 'unknown' else 'no' end
        when linked and not open then 'unknown'
        when in_sight <> 0 or not linked then 'no'
        when bits & rule.proven() <> 0 then 'proven'
        when bits & rule.open() <> 0 then 'unknown'
        else 'no'
    end
$$;

create or replace function rule.told(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns int language sql immutable as $$
    select case
        when together then rule.bit('SAME_ADMINISTRATION') | at_home
        when linked and not open then rule.bit('NO_INFORMATION')
        when in_sight <> 0 then in_sight
        when not linked then rule.bit('NO_AGREEMENT')
        when bits & rule.bit('IN_FORCE') <> 0 then rule.bit('IN_FORCE')
        when bits & rule.proven() <> 0 then rule.bit('IN_FORCE') | (bits & rule.proven())
        when bits & rule.open() <> 0 then bits & rule.open()
        else bits
    end
$$;

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
                        l.benefits, l.assumed, s.held, greatest(s.since, l.valid_from) as since,
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
                            case when my_abroad && array['VALID', 'DECISION_AWAITED'] then 0
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
                        as s(held, programme, type, abroad, roles, since) on s.abroad in ('VALID', 'DECISION_AWAITED')
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

create or replace function rule.there(
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
                case when my_abroad && array['VALID', 'DECISION_AWAITED'] then 0
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
                            else rule.met(s.held, s.programme, s.type, s.abroad, s.roles, l.programmes, l.types, l.roles,
                                l.state, i.identifier,
                                l.max_age_hours is not null and (
                                    select max(r.as_of) from views.list_received r
                                    where r.administration = home and r.recorded_from <= known
                                ) < at - make_interval(hours => l.max_age_hours))
                        end as bit
                    from views.link l
                    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
                        as s(held, programme, type, abroad, roles, since) on s.abroad in ('VALID', 'DECISION_AWAITED')
                    cross join lateral (
                        select case when l.identifier_scheme is null then me
                            else my_identifiers[array_position(my_schemes, l.identifier_scheme)] end as identifier
                    ) i
                    cross join lateral (
                        select theirs && my_consents as consented
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

drop function rule.met(text, text, text, text, text[], text[], text[], text, text, boolean);

reset role;

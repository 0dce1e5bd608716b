-- An oracle: the rule of recognition as it was first written in SQL, from the bitemporal tables, as one statement. The
-- functions of schema `rule` that answer are compared with it. Nothing but tests installs it.
create schema oracle;

create or replace function oracle.at_home(valid boolean, at_home int) returns text
language sql immutable as $$
    select case
        when valid then 'RECOGNISED'
        when at_home in (rule.bit('DECISION_AWAITED'), rule.bit('DATE_UNCERTAIN')) then 'UNKNOWN'
        else 'NOT_RECOGNISED'
    end
$$;

create or replace function oracle.verdicts(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language sql stable as $$
    with law as materialized (
        select r.programme, r.rule, r.value from views.programme_rule r
        where (r.value in ('required', 'per partner', 'general') and r.rule = 'sharing_consent'
                or r.value = 'adequate')
          and r.valid_from <= at and (r.valid_to is null or r.valid_to > at)
          and r.recorded_from <= known and (r.recorded_to is null or r.recorded_to > known)
    ),
    standing as materialized (
        select p.authorisation, p.number, p.programme, p.type, p.status, p.abroad, p.roles, case when p.abroad in ('VALID', 'LISTED') then rule.held_since(me, p.authorisation, p.type, p.valid_from, known) else p.valid_from end as valid_from,
               exists (
                   select from law l where l.programme = p.programme and l.rule = 'sharing_consent'
               ) as lawful,
               exists (
                   select from law l where l.programme = p.programme and l.value = 'general'
               ) as general
        from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
    ),
    held as materialized (
        select coalesce(bool_or(s.status = 'VALID'), false) as valid_home,
               coalesce(bool_or(s.abroad in ('VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN')), false) as valid_abroad,
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
               exists (
                   select from views.list_received r
                   where r.administration = home and r.recorded_from <= known
                     and (r.as_of + make_interval(hours => l.max_age_hours) < at
                         or r.as_of + make_interval(hours => r.cadence_hours) < at)
                     and not exists (
                         select from views.list_received n
                         where n.administration = home and n.recorded_from <= known and n.position > r.position)
               ) as stale
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
    named as materialized (
        select w.place from ways w cross join consented c where w.party = any (c.to_whom)
    ),
    -- A general consent reaches a place that was found adequate for every programme held whose law is general; for any
    -- such programme where the law of none that is held requires consent.
    reached as materialized (
        select a.place from asked a cross join consented c
        where '+' = any (c.to_whom) and case
            when exists (select from standing s where s.general) then not exists (
                select from standing s where s.general and not exists (
                    select from law l join ways w on l.rule = 'adequate.' || w.party
                    where l.programme = s.programme and w.place = a.place))
            else exists (
                select from law l join ways w on l.rule = 'adequate.' || w.party
                join law g on g.programme = l.programme and g.value = 'general' where w.place = a.place)
            end
    ),
    consenting as materialized (
        select a.place from asked a
        where case
            when exists (select from standing s where s.general) then
                a.place in (select r.place from reached r)
                and (a.place in (select n.place from named n)
                    or not exists (select from standing s where s.lawful and not s.general))
            else a.place in (select n.place from named n)
                or a.place in (select r.place from reached r)
                and not exists (select from standing s where s.lawful)
            end
    )
    select
        v.place,
        case v.kind
            when 'together' then oracle.at_home(v.valid_home, v.at_home)
            when 'yes' then case
                when v.bits & rule.bit('IN_FORCE') = 0 and v.bits & rule.bit('STALE_DATA') <> 0
                    then 'UNKNOWN' else 'RECOGNISED' end
            when 'hidden' then 'UNKNOWN'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case v.kind
            when 'together' then oracle.at_home(v.valid_home, v.at_home)
            when 'yes' then 'RECOGNISED'
            when 'hidden' then 'UNKNOWN'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case v.kind
            when 'together' then oracle.at_home(v.valid_home, v.at_home)
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
                        l.benefits, l.assumed or s.abroad = 'LISTED' as assumed, l.consent_required, y.consented,
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
                            when s.abroad = 'UNCERTAIN' then rule.bit('DATE_UNCERTAIN')
                            when l.identifier is null then rule.bit('UNMATCHED_IDENTIFIER')
                            when l.stale then rule.bit('STALE_DATA')
                            else rule.bit('IN_FORCE')
                        end as bit
                    from ways w
                    left join linked l on l.to_party = w.party
                    left join standing s on s.abroad in ('VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN') and l.agreement is not null
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

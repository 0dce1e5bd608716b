-- The rule of recognition in SQL, for answers in bulk. registry/recognition.py is the specification;
-- a property test holds this against it. Its own schema, so that a rebuilt `views` can take the
-- place of the old one underneath it.
create schema rule authorization aeo_owner;
set local role aeo_owner;
grant usage on schema rule to aeo_reader, aeo_auditor, aeo_projector;

-- A territory and the blocs whose customs territory it belongs to, on that day as known then.
create function rule.parties(code text, at timestamptz, known timestamptz) returns text[]
language sql stable as $$
    select array[code] || coalesce(array_agg(distinct m.bloc), '{}')
    from views.membership m
    where m.member = code and m.sense = 'CUSTOMS_TERRITORY'
      and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
      and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
$$;

create function rule.plain_crossing(name text) returns text
language sql immutable as $$
    select translate(regexp_replace(lower(name), '\s', '', 'g'), U&'\2010\2011\2012\2013\2014\2212', '------')
$$;

create function rule.crosses(crossings text[], asked text) returns boolean
language sql stable as $$
    select exists (
        select from unnest(crossings) as c(name)
        where rule.plain_crossing(c.name) in (
                rule.plain_crossing(asked),
                (select string_agg(part, '-' order by number desc)
                 from string_to_table(rule.plain_crossing(asked), '-') with ordinality as p(part, number))
            )
           or rule.plain_crossing(asked) = any (string_to_array(rule.plain_crossing(c.name), '-'))
    )
$$;

-- Why no authorisation counts: the nearest miss.
create function rule.nearest_miss(statuses text[]) returns text
language sql immutable as $$
    select case
        when 'SUSPENDED' = any (statuses) then 'AUTHORISATION_SUSPENDED'
        when 'GRANTED' = any (statuses) then 'NOT_YET_EFFECTIVE'
        when statuses && array['REVOKED', 'ANNULLED', 'SURRENDERED', 'EXPIRED', 'SUPERSEDED'] then 'AUTHORISATION_ENDED'
        else 'NO_AUTHORISATION'
    end
$$;

create function rule.ordered(words text[]) returns text[]
language sql immutable as $$
    select array_agg(distinct w collate "C" order by w collate "C") from unnest(words) as u(w)
$$;

-- One row, always. Conditions in the order in which registry.recognition.recognise decides.
create function rule.recognition(
    asked_tin text, territory text, at timestamptz, known timestamptz,
    -- named so that none is taken for a column of the same name
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
) returns table (outcome text, legal text, operational text, reasons text[], bases jsonb)
language sql stable as $$
    with me as (
        select o.tin, o.administration,
               rule.parties(o.administration, at, known) as home,
               rule.parties(territory, at, known) as there
        from views.operator o
        where o.tin = asked_tin and o.registered <= known
    ),
    standing as (
        select p.*, exists (
                   select from views.programme_rule r
                   where r.programme = p.programme and r.rule = 'sharing_consent' and r.value = 'required'
                     and r.valid_from <= at and (r.valid_to is null or r.valid_to > at)
                     and r.recorded_from <= known and (r.recorded_to is null or r.recorded_to > known)
               ) as lawful
        from views.status_period p
        where p.tin = asked_tin
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
    ),
    linked as (
        select l.*, exists (
                   select from views.consent c
                   where c.tin = asked_tin and c.partner in (territory, l.to_party)
                     and c.valid_from <= at and (c.valid_to is null or c.valid_to > at)
                     and c.recorded_from <= known and (c.recorded_to is null or c.recorded_to > known)
               ) as consented
        from me join views.link l
          on l.from_party = any (me.home) and l.to_party = any (me.there)
         and l.kind = 'AEO_MUTUAL_RECOGNITION'
         and l.valid_from <= at and (l.valid_to is null or l.valid_to > at)
         and l.recorded_from <= known and (l.recorded_to is null or l.recorded_to > known)
    ),
    found as (
        select me.tin is not null as known_here,
               coalesce(me.home && me.there, false) as together,
               (select bool_or(s.status = 'VALID') from standing s) as valid_home,
               (select bool_or(s.abroad = 'VALID') from standing s) as valid_abroad,
               (select array_agg(s.status) from standing s) as at_home,
               (select array_agg(s.abroad) from standing s) as in_sight,
               (select count(*) from linked) as links,
               (select bool_or(l.consented
                               or not (l.consent_required or coalesce((select bool_or(s.lawful) from standing s), false)))
                from linked l) as open
        from (select 1) one left join me on true
    ),
    paths as (
        select
            case
                when (l.consent_required or s.lawful) and not l.consented then 'NO_INFORMATION'
                when l.programmes <> '{}' and s.programme <> all (l.programmes) then 'TYPE_OUT_OF_SCOPE'
                when s.type <> all (l.types) and '*' <> all (l.types) then 'TYPE_OUT_OF_SCOPE'
                when s.roles <> '{}' and asked_role <> all (s.roles) then 'ROLE_OUT_OF_SCOPE'
                when l.roles <> '{}' and not (
                        case when asked_role is null then s.roles else array[asked_role] end && l.roles
                    ) then 'ROLE_OUT_OF_SCOPE'
                when l.direction <> asked_direction then 'DIRECTION_OUT_OF_SCOPE'
                when l.hs <> '{}' and asked_hs is not null and not exists (
                        select from unnest(l.hs) as h(code) where starts_with(asked_hs, h.code)
                    ) then 'GOODS_OUT_OF_SCOPE'
                when l.crossings <> '{}' and asked_crossing is not null and not rule.crosses(l.crossings, asked_crossing)
                    then 'CROSSING_OUT_OF_SCOPE'
                when l.modes <> '{}' and asked_mode is not null and lower(asked_mode) <> all (l.modes)
                    then 'CROSSING_OUT_OF_SCOPE'
                when l.state = 'UNCERTAIN' then 'DATE_UNCERTAIN'
                when l.state <> 'LIVE' then 'AGREEMENT_' || l.state
                when l.identifier_scheme is not null and own.value is null then 'UNMATCHED_IDENTIFIER'
                when lists.as_of < at - make_interval(hours => l.max_age_hours) then 'STALE_DATA'
                else 'IN_FORCE'
            end as verdict,
            jsonb_build_object(
                'agreement', l.agreement, 'ordinal', l.ordinal,
                'authorisation', coalesce(s.number, s.authorisation),
                'since', greatest(s.valid_from, l.valid_from),
                'identifierScheme', l.identifier_scheme,
                'identifier', case when l.identifier_scheme is null then s.tin else own.value end,
                'declarationBox', l.declaration_box, 'benefits', to_jsonb(l.benefits),
                'assumed', l.assumed
            ) as basis,
            row_number() over (
                order by l.agreement collate "C", l.ordinal,
                         coalesce(s.number, s.authorisation) collate "C",
                         greatest(s.valid_from, l.valid_from)
            ) as place
        from standing s
        cross join linked l
        left join lateral (
            select min(i.value collate "C") as value
            from views.identifier i
            where i.tin = s.tin and i.scheme = l.identifier_scheme
              and i.valid_from <= at and (i.valid_to is null or i.valid_to > at)
              and i.recorded_from <= known and (i.recorded_to is null or i.recorded_to > known)
        ) own on true
        left join lateral (
            select max(r.as_of) as as_of
            from views.list_received r, me
            where r.administration = me.administration and r.recorded_from <= known
        ) lists on true
        where s.abroad = 'VALID'
    ),
    weighed as (
        select array_agg(distinct verdict) filter (where verdict in ('IN_FORCE', 'UNMATCHED_IDENTIFIER', 'STALE_DATA')) as yes,
               array_agg(distinct verdict) filter (where verdict in ('NO_INFORMATION', 'DATE_UNCERTAIN')) as unknown,
               array_agg(distinct verdict) as every,
               jsonb_agg(basis order by place) filter (where verdict in ('IN_FORCE', 'UNMATCHED_IDENTIFIER', 'STALE_DATA')) as bases
        from paths
    ),
    answer as (
        select
            case
                when not f.known_here then 'hidden'
                when f.together then 'together'
                when f.links > 0 and not f.open then 'hidden'
                when f.valid_abroad is not true then 'standing'
                when f.links = 0 then 'unlinked'
                when w.yes is not null then 'yes'
                when w.unknown is not null then 'unknown'
                else 'no'
            end as kind, f.*, w.*
        from found f, weighed w
    )
    select
        case a.kind
            when 'hidden' then 'UNKNOWN'
            when 'together' then case when a.valid_home then 'RECOGNISED' else 'NOT_RECOGNISED' end
            when 'yes' then case
                when 'IN_FORCE' <> all (a.yes) and 'STALE_DATA' = any (a.yes) then 'UNKNOWN' else 'RECOGNISED' end
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case a.kind
            when 'hidden' then 'UNKNOWN'
            when 'together' then case when a.valid_home then 'RECOGNISED' else 'NOT_RECOGNISED' end
            when 'yes' then 'RECOGNISED'
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case a.kind
            when 'hidden' then 'UNKNOWN'
            when 'together' then case when a.valid_home then 'RECOGNISED' else 'NOT_RECOGNISED' end
            when 'yes' then case
                when 'IN_FORCE' = any (a.yes) then 'RECOGNISED'
                when 'STALE_DATA' = any (a.yes) then 'UNKNOWN'
                else 'NOT_RECOGNISED' end
            when 'unknown' then 'UNKNOWN'
            else 'NOT_RECOGNISED'
        end,
        case a.kind
            when 'hidden' then array['NO_INFORMATION']
            when 'together' then case when a.valid_home then array['SAME_ADMINISTRATION']
                                      else rule.ordered(array['SAME_ADMINISTRATION', rule.nearest_miss(a.at_home)]) end
            when 'standing' then array[rule.nearest_miss(a.in_sight)]
            when 'unlinked' then array['NO_AGREEMENT']
            when 'yes' then case when 'IN_FORCE' = any (a.yes) then array['IN_FORCE']
                                 else rule.ordered(array['IN_FORCE'] || a.yes) end
            when 'unknown' then rule.ordered(a.unknown)
            else rule.ordered(a.every)
        end,
        case when a.kind = 'yes' then a.bases else '[]'::jsonb end
    from answer a
$$;

reset role;

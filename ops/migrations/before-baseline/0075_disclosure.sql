-- What of an operator those are told who are not at home (registry/disclosure.py): from the first grant on
-- its certified standings. In functions, so that a statement which seldom needs them is not made larger.
set local role aeo_owner;

create function rule.certified() returns text[]
language sql immutable as $$
    select array['VALID', 'SUSPENDED', 'GRANTED', 'SUPERSEDED', 'EXPIRED', 'SURRENDERED', 'REVOKED', 'ANNULLED']
$$;

-- Was anything certified of this operator by then?
create function rule.certified_by(me text, known timestamptz) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from views.status_period p
        where p.tin = me and p.status = any (rule.certified()) and p.recorded_from <= known
    );
end
$$;

-- The best of these that is certified.
create function rule.certified_standing(statuses text[]) returns text
language sql immutable as $$
    select coalesce((
        select s from unnest(rule.statuses()) with ordinality as u(s, place)
        where s = any (statuses) and s = any (rule.certified()) order by place limit 1
    ), 'NONE')
$$;

-- The best certified standing at an instant, as known at another.
create function rule.certified_standing_then(me text, at timestamptz, known timestamptz) returns text
language plpgsql stable as $$
begin
    return rule.certified_standing(array(
        select p.status from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
    ));
end
$$;

-- The certified stretches, both clocks, the newest law first. Where nothing changes that is told (a
-- reassessment begins), no stretch ends: those that say the same and meet are one, in law and in belief.
create function rule.disclosed_periods(me text, asked timestamptz, at_most int) returns table (
    authorisation text, number text, status text, valid_from timestamptz, valid_to timestamptz,
    recorded_from timestamptz, recorded_to timestamptz, place bigint
) language plpgsql stable as $$
begin
    return query
    with told as materialized (
        select p.authorisation as reference, p.number as known_by, p.status as standing,
            row(p.number, p.programme, p.type, p.status, p.abroad, p.roles, p.effective_from, p.valid_until,
                array(select f from unnest(p.flags) f where starts_with(f, 'part_')))::text as says,
            tstzrange(p.valid_from, p.valid_to) as law, p.recorded_from as since,
            case when p.recorded_to <= asked then p.recorded_to end as until
        from views.status_period p
        where p.tin = me and p.status = any (rule.certified()) and p.recorded_from <= asked
    ),
    cuts as (
        select c.cut, lead(c.cut) over (order by c.cut) as next, row_number() over (order by c.cut) as n
        from (select t.since as cut from told t
              union select t.until from told t where t.until is not null) c
    ),
    merged as (
        select t.reference, t.known_by, t.standing, t.says, c.n, c.cut, c.next, range_agg(t.law) as laws
        from cuts c join told t on t.since <= c.cut and (t.until is null or t.until > c.cut)
        group by t.reference, t.known_by, t.standing, t.says, c.n, c.cut, c.next
    ),
    believed as (
        select m.*, l.law,
            m.n - row_number() over (partition by m.reference, m.says, l.law order by m.n) as run
        from merged m cross join lateral unnest(m.laws) as l(law)
    )
    select b.reference, b.known_by, b.standing, lower(b.law), upper(b.law), min(b.cut),
        case when bool_or(b.next is null) then null else max(b.next) end, 0::bigint
    from believed b
    group by b.reference, b.known_by, b.standing, b.says, b.law, b.run
    order by lower(b.law) desc, min(b.cut) desc, b.reference collate "C"
    limit at_most;
end
$$;

reset role;

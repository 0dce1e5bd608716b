-- The certified periods in valid and transaction time, the newest in valid time first. Periods that meet and say
-- the same are one, on both clocks, so a reassessment, which is not disclosed, ends none.
create or replace function rule.disclosed_periods(me text, asked timestamptz, at_most int) returns table (
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

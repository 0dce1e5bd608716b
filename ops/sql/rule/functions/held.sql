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

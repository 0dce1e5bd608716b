-- Names, address, roles, successor and standing of an operator at an instant of valid time, as known at an instant
-- of transaction time.
create or replace function rule.stood(me text, at timestamptz, known timestamptz) returns table (
    name text, local_name text, address text, roles text[], successor text, standing text
) language plpgsql stable rows 1 as $$
begin
    return query
    select n.name, n.local_name, n.address, n.roles, n.successor, coalesce((
        select p.status from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
        order by array_position(rule.statuses(), p.status) limit 1
    ), 'NONE')
    from views.particulars n
    where n.tin = me and rule.in_interval(known, n.recorded_from, n.recorded_to)
    order by greatest(n.valid_from, at), n.valid_from desc limit 1;
end
$$;

-- The periods of an operator's authorisations as known at an instant of transaction time, the newest in valid time
-- first.
create or replace function rule.periods_then(me text, known timestamptz, at_most int) returns table (
    authorisation text, number text, status text, valid_from timestamptz, valid_to timestamptz,
    recorded_from timestamptz, recorded_to timestamptz, place bigint
) language plpgsql stable as $$
begin
    return query
    select p.authorisation, p.number, p.status, p.valid_from, p.valid_to, p.recorded_from,
           p.recorded_to, p.position
    from views.status_period p
    where p.tin = me and p.recorded_from <= known
    order by p.valid_from desc, p.recorded_from desc, p.authorisation collate "C", p.position desc
    limit at_most;
end
$$;

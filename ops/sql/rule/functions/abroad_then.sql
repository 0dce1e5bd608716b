-- The standing as it counts abroad at an instant of valid time, as known at an instant of transaction time.
-- `all_of_it`: not only what is certified.
create or replace function rule.abroad_then(me text, at timestamptz, known timestamptz, all_of_it boolean) returns text
language plpgsql stable as $$
begin
    return rule.best(array(
        select p.abroad from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
          and (all_of_it or p.status = any (rule.certified()))
    ));
end
$$;

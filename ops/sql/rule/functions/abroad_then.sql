-- The standing as it counts abroad at an instant of valid time, as known at an instant of transaction time.
-- `all_of_it`: not only what is certified.
create or replace function rule.abroad_then(me text, at timestamptz, known timestamptz, all_of_it boolean) returns text
language plpgsql stable as $$
begin
    return rule.best(array(
        select p.abroad from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
          and (all_of_it or p.status = any (rule.certified()))
    ));
end
$$;

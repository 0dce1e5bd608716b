-- The best certified status at an instant of valid time, as known at an instant of transaction time.
create or replace function rule.certified_standing_then(me text, at timestamptz, known timestamptz) returns text
language plpgsql stable as $$
begin
    return rule.certified_standing(array(
        select p.status from views.status_period p
        where p.tin = me
          and rule.in_interval(at, p.valid_from, p.valid_to)
          and rule.in_interval(known, p.recorded_from, p.recorded_to)
    ));
end
$$;

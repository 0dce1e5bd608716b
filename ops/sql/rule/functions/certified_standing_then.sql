-- The best certified status at an instant of valid time, as known at an instant of transaction time.
create or replace function rule.certified_standing_then(me text, at timestamptz, known timestamptz) returns text
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

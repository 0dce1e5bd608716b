-- A territory and the blocs to whose customs territory it belongs at the instant of valid time, as known at the
-- instant of transaction time.
create or replace function rule.parties(code text, at timestamptz, known timestamptz) returns text[]
language sql stable as $$
    select array[code] || coalesce(array_agg(distinct m.bloc), '{}')
    from views.membership m
    where m.member = code and m.sense = 'CUSTOMS_TERRITORY'
      and m.valid_from <= at and (m.valid_to is null or m.valid_to > at)
      and m.recorded_from <= known and (m.recorded_to is null or m.recorded_to > known)
$$;

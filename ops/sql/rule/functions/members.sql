-- The members of blocs at an instant of valid time, as known at an instant of transaction time. It is inlined.
create or replace function rule.members(at timestamptz, known timestamptz) returns table (bloc text, member text)
language sql stable as $$
    select m.bloc, m.member from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY'
      and rule.in_interval(at, m.valid_from, m.valid_to)
      and rule.in_interval(known, m.recorded_from, m.recorded_to)
$$;

-- A territory and the blocs to whose customs territory it belongs at the instant of valid time, as known at the
-- instant of transaction time.
create or replace function rule.parties(code text, at timestamptz, known timestamptz) returns text[]
language sql stable as $$
    select array[code] || coalesce(array_agg(distinct m.bloc), '{}') from rule.members(at, known) m where m.member = code
$$;

-- The bitemporal predicate, on one clock: whether an instant (UTC) lies in the half-open interval [starts, ends);
-- NULL as the end means without end. It is inlined. projections/reads/bitemporal_sql.py writes the same into statements.
create or replace function rule.in_interval(instant timestamptz, starts timestamptz, ends timestamptz) returns boolean
language sql immutable as $$ select starts <= instant and (ends is null or ends > instant) $$;

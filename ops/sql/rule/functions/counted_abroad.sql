-- The statuses that count abroad, or may count. As registry.domain.values.COUNTS_ABROAD.
create or replace function rule.counted_abroad() returns text[]
language sql immutable as $$ select array['VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN'] $$;

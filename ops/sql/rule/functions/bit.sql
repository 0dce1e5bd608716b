-- The bit of a reason code.
create or replace function rule.bit(reason text) returns int
language sql immutable as $$ select 1 << (array_position(rule.reasons(), reason) - 1) $$;

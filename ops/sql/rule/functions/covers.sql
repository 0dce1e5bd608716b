-- Whether a code of a clause covers the goods asked about. HS codes have 2, 4 or 6 digits.
create or replace function rule.covers(codes text[], asked text) returns boolean
language sql immutable as $$ select codes && array[left(asked, 2), left(asked, 4), asked] $$;

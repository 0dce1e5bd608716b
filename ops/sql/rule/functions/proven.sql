-- The bits of the reasons with which a clause holds, even if an identifier or fresh data are lacking.
create or replace function rule.proven() returns int
language sql immutable as $$
    select rule.bit('IN_FORCE') | rule.bit('UNMATCHED_IDENTIFIER') | rule.bit('STALE_DATA')
$$;

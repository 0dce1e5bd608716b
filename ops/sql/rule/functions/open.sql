-- The bits of the reasons that leave the answer open where no clause holds.
create or replace function rule.open() returns int
language sql immutable as $$
    select rule.bit('NO_INFORMATION') | rule.bit('DATE_UNCERTAIN') | rule.bit('DECISION_AWAITED')
$$;

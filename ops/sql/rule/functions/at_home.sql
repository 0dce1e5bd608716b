-- The outcome within one customs territory. `at_home`: the bit of why no authorisation counts.
create or replace function rule.at_home(valid boolean, at_home int) returns text
language sql immutable as $$
    select case
        when valid then 'RECOGNISED'
        when at_home in (rule.bit('DECISION_AWAITED'), rule.bit('DATE_UNCERTAIN')) then 'UNKNOWN'
        else 'NOT_RECOGNISED'
    end
$$;

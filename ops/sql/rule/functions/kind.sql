-- What all clauses together come to: yes, no, unknown or proven. `at_home` and `in_sight`: the bit of why no
-- authorisation counts, 0 if one does.
create or replace function rule.kind(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns text language sql immutable as $$
    select case
        when together then case
            when at_home = 0 then 'yes'
            when at_home in (rule.bit('DECISION_AWAITED'), rule.bit('DATE_UNCERTAIN')) then 'unknown'
            else 'no' end
        when linked and not open then 'unknown'
        when in_sight <> 0 or not linked then 'no'
        when bits & rule.proven() <> 0 then 'proven'
        when bits & rule.open() <> 0 then 'unknown'
        else 'no'
    end
$$;

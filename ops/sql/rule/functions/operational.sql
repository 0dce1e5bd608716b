-- The operational answer of a result: whether a clearance officer can apply it.
create or replace function rule.operational(kind text, bits int) returns text
language sql immutable as $$
    select case kind
        when 'proven' then case
            when bits & rule.bit('IN_FORCE') <> 0 then 'RECOGNISED'
            when bits & rule.bit('STALE_DATA') <> 0 then 'UNKNOWN' else 'NOT_RECOGNISED' end
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

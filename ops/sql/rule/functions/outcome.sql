-- The outcome of a result: RECOGNISED, NOT_RECOGNISED or UNKNOWN.
create or replace function rule.outcome(kind text, bits int) returns text
language sql immutable as $$
    select case kind
        when 'proven' then case
            when bits & (rule.bit('IN_FORCE') | rule.bit('STALE_DATA')) = rule.bit('STALE_DATA')
                then 'UNKNOWN' else 'RECOGNISED' end
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

-- The legal answer of a result: whether the law recognises, apart from whether the data suffice to apply it.
create or replace function rule.legal(kind text) returns text
language sql immutable as $$
    select case kind
        when 'proven' then 'RECOGNISED'
        when 'yes' then 'RECOGNISED' when 'unknown' then 'UNKNOWN' else 'NOT_RECOGNISED'
    end
$$;

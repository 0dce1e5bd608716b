-- The reason codes of a set of several bits, in alphabetical order.
create or replace function rule.spelt_out(bits int) returns text[]
language sql immutable as $$
    select array(
        select r.reason from unnest(rule.reasons()) with ordinality as r(reason, place)
        where bits & (1 << (place::int - 1)) <> 0 order by place
    )
$$;

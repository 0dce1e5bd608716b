-- The reason codes of a set of bits, in alphabetical order. Most results have one reason, which is written inline;
-- a function with a subquery (rule.spelt_out) is not inlined.
create or replace function rule.spelt(bits int) returns text[]
language sql immutable as $$
    select case
        when bits & (bits - 1) = 0 then array[(rule.reasons())[33 - position(B'1' in bits::bit(32))]]
        else rule.spelt_out(bits)
    end
$$;

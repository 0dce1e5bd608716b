-- The bits of the reasons that are given with a result of this kind.
create or replace function rule.told(together boolean, at_home int, linked boolean, open boolean, in_sight int, bits int)
returns int language sql immutable as $$
    select case
        when together then rule.bit('SAME_ADMINISTRATION') | at_home
        when linked and not open then rule.bit('NO_INFORMATION')
        when in_sight <> 0 then in_sight
        when not linked then rule.bit('NO_AGREEMENT')
        when bits & rule.bit('IN_FORCE') <> 0 then rule.bit('IN_FORCE')
        when bits & rule.proven() <> 0 then rule.bit('IN_FORCE') | (bits & rule.proven())
        when bits & rule.open() <> 0 then bits & rule.open()
        else bits
    end
$$;

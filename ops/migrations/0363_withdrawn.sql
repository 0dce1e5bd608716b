-- What a partner is told of an operator that withdrew its consent: until when it was recognised there.
set local role aeo_owner;

-- The instant from which an operator is no longer shown to a partner because it withdrew the consent that reached it;
-- NULL unless the operator was recognised in the partner's territory until then, by what was known then. So nothing is
-- told of an operator that the partner never knew. `now`: both clocks, UTC. It runs as the owner, because its caller
-- may not see the operator any longer.
create or replace function rule.withdrawn(me text, territory text, now timestamptz) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    ended timestamptz;
    home text;
begin
    select max(greatest(c.valid_to, c.recorded_from)) into ended
    from views.consent c
    where c.tin = me and (c.partner = '+' or c.partner = any (rule.parties(territory, now, now)))
      and c.valid_to <= now and c.recorded_to is null and c.recorded_from <= now;
    select o.administration into home from views.operator o where o.tin = me;
    if ended is null or home is null then
        return null;
    end if;
    return (
        select ended
        from rule.verdict_then(me, home, territory, ended - interval '1 microsecond',
            ended - interval '1 microsecond', null, null, null, null, null) v
        where v.outcome = 'RECOGNISED'
    );
end
$$;

revoke execute on function rule.withdrawn(text, text, timestamptz) from public;
grant execute on function rule.withdrawn(text, text, timestamptz) to aeo_auditor, aeo_reader;

reset role;

-- Row-level security: what an officer may see is worked out when a row needs it.
--
-- Most statements of an officer are about operators of its own administration, which the policies let pass by its code
-- alone. What agreements and consents let it see besides (access.sight) is then never asked for. Whoever needs it gets
-- the same from the policies, once in a transaction.
set local role aeo_owner;

create or replace function access.stand_for(subject text) returns void language plpgsql volatile as $$
begin
    perform set_config('aeo.subject', subject, true);
    if access.subject(1) <> 'officer' then
        perform access.sight();
    end if;
end
$$;

reset role;

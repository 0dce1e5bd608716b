-- What is answered for a TIN of which the stated subject sees no operator: `null`, as JSON. Where there is no such
-- operator, the decision that row-level security takes on one that is hidden is taken all the same, on one that was
-- granted nothing and consents to nothing, so that the time of the answer does not tell the two apart. As the owner:
-- whether the operator exists is not for the subject.
set local role aeo_owner;

create function access.nothing_of(me text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from views.operator o where o.tin = me) then
        perform access.sees_all(), access.own_home(),
            access.shows_operator(access.sight(), me, access.home_of(me), array[''], '-infinity', '{}', '{}');
    end if;
    return 'null';
end
$$;
revoke execute on function access.nothing_of(text) from public;
grant execute on function access.nothing_of(text) to aeo_reader, aeo_auditor;

reset role;

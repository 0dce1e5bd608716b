-- Written by the function alone, and by the owner where it is worked out anew; read by whoever decides and audits.
alter table ledger.held_number owner to aeo_owner;
alter function ledger.held_by_another(text, text, text) owner to aeo_owner;
grant select on ledger.held_number to aeo_writer, aeo_auditor;

do $$
declare
    holding regprocedure := (
        select oid from pg_proc
        where pronamespace = 'ledger'::regnamespace and proname = 'append' and pronargs = 20
    );
begin
    execute format('alter function %s owner to aeo_owner', holding);
    execute format('grant execute on function %s to aeo_writer', holding);
end
$$;

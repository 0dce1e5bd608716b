-- Signatures are written by the function alone and read by whoever reads the events that they vouch for.
alter table ledger.signature owner to aeo_owner;
grant select on ledger.signature to aeo_writer, aeo_auditor;

do $$
declare
    signing regprocedure := (
        select oid from pg_proc
        where pronamespace = 'ledger'::regnamespace and proname = 'append' and pronargs = 16
    );
begin
    execute format('alter function %s owner to aeo_owner', signing);
    execute format('grant execute on function %s to aeo_writer', signing);
end
$$;

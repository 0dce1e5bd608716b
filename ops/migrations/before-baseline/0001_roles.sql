-- Who may do what: six roles without login, four schemas. A login is granted one of these roles, never a table.
-- Roles belong to the whole cluster, so another database may have made them a moment ago.
do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'aeo_owner', 'aeo_writer', 'aeo_projector', 'aeo_reader', 'aeo_auditor', 'aeo_erasure'
    ] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;  -- the migration of a neighbouring database was faster
            end;
        end if;
    end loop;
    -- A migrator that is not a superuser hands its objects over, for which it must be a member.
    if not (select rolsuper from pg_roles where rolname = current_user) then
        begin
            execute format('grant aeo_owner to %I', current_user);
        exception when insufficient_privilege then
            null;  -- the roles are somebody else's, who may have made us a member
        end;
    end if;
end
$$;

create schema ledger authorization aeo_owner;
create schema views authorization aeo_owner;
create schema proof authorization aeo_owner;
create schema access authorization aeo_owner;

grant usage on schema ledger to aeo_writer, aeo_projector, aeo_auditor;
grant usage on schema views to aeo_projector, aeo_reader, aeo_auditor;
grant usage on schema proof to aeo_projector, aeo_reader, aeo_auditor;
grant usage on schema access to aeo_writer, aeo_erasure;

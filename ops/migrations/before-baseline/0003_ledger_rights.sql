-- The least right each: the writer appends through the function and reads; nobody holds INSERT, which would
-- allow forged positions and times. The function runs with its owner's rights.
alter table ledger.event owner to aeo_owner;
alter table ledger.command owner to aeo_owner;
alter table ledger.head owner to aeo_owner;
alter function ledger.refuse_change owner to aeo_owner;
alter function ledger.append owner to aeo_owner;

grant select on ledger.event, ledger.command to aeo_writer, aeo_auditor;
grant select on ledger.event to aeo_projector;
grant execute on function ledger.append to aeo_writer;

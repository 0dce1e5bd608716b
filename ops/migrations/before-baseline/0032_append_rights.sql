-- The new function stands where the old one stood, with the rights that it had.
alter function ledger.append owner to aeo_owner;
grant execute on function ledger.append to aeo_writer;

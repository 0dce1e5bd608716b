-- With the rights that `ledger.append` has, and for the same role alone.
alter function ledger.append_each owner to aeo_owner;
alter function ledger.append_one owner to aeo_owner;
grant execute on function ledger.append_each to aeo_writer;
grant execute on function ledger.append_one to aeo_writer;

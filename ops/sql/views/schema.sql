-- The read models. Every row can be derived again from the events. Valid time is [valid_from, valid_to),
-- transaction time is [recorded_from, recorded_to), and position and position_to are the same interval by place in
-- the ledger; NULL as an end: without end. Instants are UTC.
create schema views authorization aeo_owner;

grant usage on schema views to aeo_auditor, aeo_projector, aeo_reader;

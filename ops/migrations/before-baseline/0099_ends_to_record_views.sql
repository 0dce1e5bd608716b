-- The first end by law of an operator that no event records yet, past or to come: the clerk looks for those
-- that have come. NULL: there is none.
set local role aeo_owner;
set local search_path = views;

alter table operator add column if not exists end_to_record timestamptz;
create index if not exists operator_end_to_record on operator (end_to_record) where end_to_record is not null;

reset role;

-- The state of the law (projections/reads/law.py) is how far each read model of it was told. By the rows
-- of law itself it was found unchanged after an event that took back another of its own instant.
set local role aeo_owner;
set local search_path = views;

drop index if exists link_told;
create index if not exists administration_told on administration (position);
create index if not exists programme_told on programme (position);
create index if not exists agreement_told on agreement (position);

reset role;

-- How often rows of these tables were put right from their streams: no answer that was kept from before is given
-- again (projections/reads/law.py). And an operator's changes are found by its TIN, to compare and to put right.
set local role aeo_owner;
set local search_path = views;

create table mended (
    one boolean primary key default true check (one),
    number bigint not null default 0
) with (fillfactor = 50);
insert into mended default values;

create index if not exists change_tin on change (tin);

grant select on mended to aeo_reader, aeo_auditor, aeo_projector;
grant update on mended to aeo_projector;

reset role;

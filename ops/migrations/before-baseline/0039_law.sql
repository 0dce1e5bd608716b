-- Every answer about recognition tells which state of the law it is of (projections/reads/law.py): the
-- newest position in four tables, of which only this one is long.
set local role aeo_owner;

create index if not exists link_told on views.link (greatest(position, position_to));

reset role;

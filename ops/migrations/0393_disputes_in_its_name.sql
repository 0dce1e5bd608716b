-- Whether the home customs of an operator opened a dispute in its name: who withdraws it depends on that.
set local role aeo_owner;

alter table views.dispute add column if not exists in_its_name boolean not null default false;
comment on column views.dispute.in_its_name is 'Whether its home customs opened it in the name of the operator';

reset role;

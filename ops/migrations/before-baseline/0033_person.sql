-- Persons' particulars, apart from everything else, and sealed with a key that is never in this database:
-- what enters a database also enters its write-ahead log, its copies and its backups, and stays there.
create schema person authorization aeo_owner;

create table person.particulars (
    person uuid not null,                -- the pseudonym that the ledger's events name
    tin text not null,
    sealed bytea,                        -- none once the person is erased: the row stays, so that it is known
    kept_at timestamptz not null default now(),
    named boolean not null default false, -- an event may name it; else it is swept away after a day
    erased_at timestamptz,
    constraint particulars_pkey primary key (person),
    constraint particulars_are_sealed_or_erased check ((sealed is null) = (erased_at is not null))
);
create index particulars_tin on person.particulars (tin);
create index particulars_unnamed on person.particulars (kept_at) where not named;
alter table person.particulars owner to aeo_owner;

-- Neither those who answer questions nor the auditors can even reach what is sealed.
grant usage on schema person to aeo_writer, aeo_erasure;
grant select, insert, update (named) on person.particulars to aeo_writer;
grant select, delete, update (sealed, erased_at) on person.particulars to aeo_erasure;

-- Whose salts are erased: those of the events that carry the person's commitment.
grant usage on schema ledger to aeo_erasure;
grant select (position, originator_id, topic, state) on ledger.event to aeo_erasure;
grant select on proof.leaf, proof.state to aeo_erasure;

-- Names and addresses of natural persons, sealed with a key that is never in this database: what enters a database
-- also enters its write-ahead log, its copies and its backups, and stays there. The ledger's events name a person
-- only by a pseudonym. A row that no event names is removed after a day. Times are UTC.
create table person.particulars (
    person uuid not null,                    -- The pseudonym that the ledger's events name
    tin text not null,                       -- The operator
    sealed bytea,                            -- None once the person is erased: the row stays, so that it is known
    -- When it was kept
    kept_at timestamptz not null default now(),
    named boolean not null default false,    -- An event may name it; else it is swept away after a day
    erased_at timestamptz,                   -- When it was erased; null: it was not
    constraint particulars_pkey primary key (person),
    constraint particulars_are_sealed_or_erased check ((sealed is null) = (erased_at is not null))
);

create index particulars_tin on person.particulars (tin);
create index particulars_unnamed on person.particulars (kept_at) where not named;

grant select, insert on person.particulars to aeo_writer;
grant select, delete on person.particulars to aeo_erasure;
grant update (sealed, erased_at) on person.particulars to aeo_erasure;
grant update (named) on person.particulars to aeo_writer;

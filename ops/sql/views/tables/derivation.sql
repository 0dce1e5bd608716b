-- By which rules and which releases of the time zone database and of Unicode the rows were derived: one row.
-- PostgreSQL derives no civil date, because its zone files may be of another release than the register's.
create table views.derivation (
    -- Always true: the table has one row
    one boolean primary key default true check (one),
    version int not null,                    -- Of the rules that make rows of events
    time_zones text not null,                -- Release of the IANA Time Zone Database
    unicode text                             -- The release of Unicode of the normal forms
);

grant select on views.derivation to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.derivation to aeo_projector;

-- Civil dates are data: PostgreSQL derives none of them, because its zone files may be of another release
-- than those of the register. By which rules and which release the rows were derived stands beside them.
-- (registry/zones.py, projections/derivation.py)
set local role aeo_owner;
set local search_path = views;

create table derivation (
    one boolean primary key default true check (one),
    version int not null,                 -- of the rules that make rows of events
    time_zones text not null              -- release of the IANA Time Zone Database
);

-- NULL until the rows are derived anew, which `up` and `migrate` do after this file.
alter table identifier add column from_day date, add column to_day date;
alter table deadline
    add column over_at timestamptz,       -- when the due day has ended in the home administration's zone
    add column met_at timestamptz;        -- when the day on which it was answered began there

grant select on derivation to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on derivation to aeo_projector;

reset role;

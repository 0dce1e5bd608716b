-- Who looked: reads of operator data by partners are kept (who, what, when, the purpose they gave).
set local role aeo_owner;

create table access.read_log (
    number bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    subject text not null,               -- the token's subject, an opaque id
    role text not null,
    administration text,
    purpose text,                        -- the request's Purpose header
    operation text not null,             -- the root field asked
    tins text[] not null,                -- what was asked for, whether or not it was shown
    request uuid not null
);
create index read_log_tins on access.read_log using gin (tins);

grant usage on schema access to aeo_reader, aeo_auditor;
grant insert on access.read_log to aeo_reader;
grant select on access.read_log to aeo_auditor;

reset role;

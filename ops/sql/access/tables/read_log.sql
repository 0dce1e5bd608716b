-- The reads of operator data by partners: who asked what about which operators, when (UTC), and for which purpose.
create table access.read_log (
    -- The number
    number bigint generated always as identity primary key,
    -- When it was asked
    at timestamptz not null default clock_timestamp(),
    subject text not null,                   -- The token's subject, an opaque id
    role text not null,                      -- The role that was asked about
    administration text,                     -- The administration
    purpose text,                            -- The request's Purpose header
    operation text not null,                 -- The root field asked
    tins text[] not null,                    -- What was asked for, whether or not it was shown
    request uuid not null,                   -- The id of the request
    territory text,                          -- In which recognition was asked
    law_at timestamptz,                      -- The instant whose law was asked for
    known_at timestamptz,                    -- Only what was known by then counted
    consignment jsonb,                       -- What was said of it: role, direction, hs, crossing, mode
    outcomes text[],                         -- Of each of tins, as it was told; null where it was not asked for
    position bigint,                         -- The read models showed everything up to it, at least
    law_ats timestamptz[],                   -- The instants of valid time that were asked for, one a question
    consignments jsonb[]                     -- The consignments that were asked about, one a question
);

create index read_log_tins on access.read_log using gin (tins);
create index read_log_questions on access.read_log (territory, number) where territory is not null;

grant insert on access.read_log to aeo_reader;
grant select on access.read_log to aeo_auditor;

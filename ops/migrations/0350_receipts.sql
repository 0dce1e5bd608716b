-- Receipts: signed statements of answers that were given, stored by id for the subject who asked.
set local role aeo_owner;

create table access.receipt (
    number bigint generated always as identity primary key,  -- The order in which they were issued
    id uuid not null unique,                 -- The id in the receipt
    at timestamptz not null,                 -- When it was asked and answered, UTC
    subject text not null,                   -- The token's subject, an opaque id
    administration text,                     -- The administration of the subject
    request uuid not null,                   -- The id of the request
    purpose text,                            -- The request's Purpose header
    tin text not null,                       -- The operator that was asked about
    territory text not null,                 -- In which recognition was asked
    law_at timestamptz not null,             -- The instant of valid time that was asked about
    known_at timestamptz not null,           -- The instant of transaction time that was asked about
    consignment jsonb,                       -- The consignment: role, direction, hs, crossing, mode
    outcome text not null,                   -- The outcome that was answered
    position bigint not null,                -- The read models showed everything up to it, at least
    jwt text not null                        -- The receipt as it was issued
);

create index receipt_subject on access.receipt (subject, number);
create index receipt_administration on access.receipt (administration, number);

grant insert on access.receipt to aeo_reader;
grant select on access.receipt to aeo_auditor;

reset role;

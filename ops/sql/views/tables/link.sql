-- From which party to which an agreement leads, clause by clause, bitemporal: the table that the rule of
-- recognition reads.
create table views.link (
    from_party text not null,                -- The territory whose operators are recognised
    to_party text not null,                  -- The territory that recognises them
    agreement text not null,                 -- The agreement
    kind text not null,                      -- Its kind, a value of `AgreementKind`
    ordinal int not null,                    -- Its place among several
    -- The state of the row's fact, as a code
    state text not null check (state in ('TERMINATED', 'SUSPENDED', 'NOT_IMPLEMENTED', 'UNCERTAIN', 'LIVE')),
    assumed boolean not null,                -- Whether the day is assumed and not stated by a source
    programmes text[] not null,              -- The programmes
    types text[] not null,                   -- The types of authorisation
    roles text[] not null,                   -- The roles
    direction text,                          -- The direction: IMPORT, EXPORT or both
    hs text[] not null,                      -- The HS codes that it covers; empty: all goods
    crossings text[] not null,               -- The border crossings that it covers; empty: all
    modes text[] not null,                   -- The modes of transport that it covers; empty: all
    identifier_scheme text,                  -- The scheme by which the partner finds operators
    declaration_box text,                    -- The box of the declaration in which the identifier stands
    benefits text[] not null,                -- The benefits that it gives
    consent_required boolean not null,       -- Whether the operator's consent is needed
    max_age_hours int,                       -- How old a list may be, in hours
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    -- What prevents it from being in force
    hindered_by text[] not null default '{}',
    begins_earliest date,                    -- The earliest day on which it can begin
    begins_latest date,                      -- The latest day on which it can begin
    ends_earliest date,                      -- The earliest day on which it can end
    ends_latest date,                        -- The latest day on which it can end
    primary key (from_party, to_party, agreement, ordinal, valid_from, recorded_from, position)
);

create index link_agreement on views.link (agreement);
create index link_to on views.link (to_party, from_party);

grant select on views.link to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.link to aeo_projector;

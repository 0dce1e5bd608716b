-- What was not as the events say, and when it was repaired (UTC). A row that could not be repaired has no
-- `mended_at`; while there is one of a read model, the service answers no question.
create table checks.finding (
    -- The number
    number bigint generated always as identity,
    -- When it was found
    found_at timestamptz not null default clock_timestamp(),
    last_whole_at timestamptz,               -- Until then at the latest it was right, where it was there already
    relation text not null,                  -- The table, with its schema
    noun text not null,                      -- Operator, agreement, ...; empty: the ledger itself
    subject text not null,                   -- The key of the subject: a TIN, an agreement's name, a position
    what text not null,                      -- In words; columns are named, and no value is repeated
    position bigint not null,                -- Of the read model, when it was compared
    mended_at timestamptz,                   -- When it was put right; null: it is open
    why_not text,                            -- Why it could not be put right
    constraint finding_pkey primary key (number)
);

create unique index finding_open on checks.finding (relation, subject) where mended_at is null;
create index finding_found on checks.finding (found_at);

grant select, insert, update on checks.finding to aeo_projector;
grant select on checks.finding to aeo_auditor, aeo_reader;

-- The background check of the read models (projections/background_check.py): how far it is, and what it found. In a
-- schema of its own, because a rebuild of the read models throws theirs away.
create schema checks authorization aeo_owner;
grant usage on schema checks to aeo_projector, aeo_reader, aeo_auditor;

set local role aeo_owner;

create table checks.walk (
    one boolean not null default true,
    began_at timestamptz,                -- the walk that is under way
    phase text not null default '',      -- its part: `ledger`, or the name of a table
    place text not null default '',      -- in it: the last position, or the last key, that was looked at
    progress real not null default 0,    -- share of the walk that is done, 0 to 1
    whole_at timestamptz,                -- when the last walk ended that looked at everything
    whole_seconds real,                  -- and how long it took
    looked_at timestamptz,               -- when something was looked at last, by the walk or by chance
    streams bigint not null default 0,   -- how many were derived anew, since this table was made
    constraint walk_pkey primary key (one),
    constraint walk_is_one_row check (one)
) with (fillfactor = 10);                -- updated in place, also where a disk is full
insert into checks.walk default values;

-- What was not as the events say. A row that nobody could mend has no `mended_at`; while there is one of a read model,
-- the service answers no question.
create table checks.finding (
    number bigint generated always as identity,
    found_at timestamptz not null default clock_timestamp(),
    last_whole_at timestamptz,           -- until then at the latest it was right, where it was there already
    relation text not null,              -- the table, with its schema
    noun text not null,                  -- operator, agreement, ...; empty: the ledger itself
    subject text not null,               -- the key of the subject: a TIN, an agreement's name, a position
    what text not null,                  -- in words; columns are named, and no value is repeated
    position bigint not null,            -- of the read model, when it was compared
    mended_at timestamptz,
    why_not text,
    constraint finding_pkey primary key (number)
);
create unique index finding_open on checks.finding (relation, subject) where mended_at is null;
create index finding_found on checks.finding (found_at);

grant select on checks.walk, checks.finding to aeo_projector, aeo_reader, aeo_auditor;
grant update on checks.walk to aeo_projector;
grant insert, update on checks.finding to aeo_projector;

-- What the check reads beside the events, and what it compares them with.
grant select on ledger.command, ledger.held_number to aeo_projector;

reset role;

-- Quotas: how many requests, and how much work, a client may ask for in a minute, and what was used of them. All
-- processes add what they admitted; what was used is forgotten after minutes, and by a crash of the database at once.
set local role aeo_owner;

-- Quotas that differ from those that the program comes with.
create table access.quota (
    kind text not null check (kind in ('group', 'subject', 'client')), -- Whose it is
    name text not null,                  -- partner; partner:KR; partner:KR/kr-1
    requests bigint not null check (requests > 0), -- Requests in a minute
    work bigint not null check (work > 0),         -- Work in a minute, in microseconds
    changed_by text not null,            -- Who is responsible for it
    changed_at timestamptz not null default clock_timestamp(), -- When it was set (UTC)
    primary key (kind, name)
);

-- What was used in a minute, of each account.
create unlogged table access.quota_use (
    account text not null,               -- partner:KR; public 192.0.2.7
    minute bigint not null,              -- The minute, counted from 1970-01-01T00:00Z
    requests bigint not null,            -- Requests that were admitted in all processes
    work bigint not null,                -- Their work, in microseconds
    primary key (account, minute)
) with (fillfactor = 50);
create index quota_use_minute on access.quota_use (minute);

grant select on access.quota to aeo_reader, aeo_auditor;
grant select, insert, update, delete on access.quota to aeo_writer;
grant select, insert, update, delete on access.quota_use to aeo_reader;

reset role;

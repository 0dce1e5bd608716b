-- Changes of recognition that somebody at a customs administration has marked as seen, on the page of work.
set local role aeo_owner;

create table access.changes_seen (
    reader text not null,                    -- Who marked them: the subject, and who acts for it, as an opaque id
    territory text not null,                 -- The territory whose feed of changes it is
    epoch text not null,                     -- The epoch of the ledger to which the position belongs
    position bigint not null check (position >= 0), -- Everything up to this position of the feed is marked as seen
    seen_at timestamptz not null default clock_timestamp(), -- When it was marked (UTC)
    primary key (reader, territory)
);

grant select, insert, update on access.changes_seen to aeo_reader;

reset role;

-- Where the continuous comparison of the read models with the events stands: one row.
create table checks.walk (
    one boolean not null default true,       -- Always true: the table has one row
    began_at timestamptz,                    -- The walk that is under way
    phase text not null default '',          -- Its part: `ledger`, or the name of a table
    place text not null default '',          -- In it: the last position, or the last key, that was looked at
    progress real not null default 0,        -- Share of the walk that is done, 0 to 1
    whole_at timestamptz,                    -- When the last walk ended that looked at everything
    whole_seconds real,                      -- And how long it took
    looked_at timestamptz,                   -- When something was looked at last, by the walk or by chance
    streams bigint not null default 0,       -- How many were derived anew, since this table was made
    constraint walk_pkey primary key (one),
    constraint walk_is_one_row check (one)
) with (fillfactor = 10);

insert into checks.walk default values;

grant select, update on checks.walk to aeo_projector;
grant select on checks.walk to aeo_auditor, aeo_reader;

-- The sequencer: one row, the only one of the ledger that is updated, locked while positions are given out. The
-- position of the last event is the highest position in ledger.event, and not this one.
create table ledger.head (
    one boolean not null default true,       -- Always true: the table has one row
    position bigint not null,                -- The position in the ledger
    recorded_at timestamptz not null,        -- When it was recorded, by the ledger's clock
    constraint head_pkey primary key (one),
    constraint head_is_one_row check (one)
) with (fillfactor = 10);

insert into ledger.head (position, recorded_at) values (0, '-infinity');

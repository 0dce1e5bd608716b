-- The stage of an agreement over time, bitemporal.
create table views.stage (
    agreement text not null,                 -- The agreement
    status text not null,                    -- The status
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (agreement, valid_from, recorded_from, position)
);

grant select on views.stage to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.stage to aeo_projector;

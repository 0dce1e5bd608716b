-- Of which instant the last list of an administration is, and how often its source declared to send: a row for each
-- list and for each cadence declared after the first one. The last one known is in force.
create table views.list_received (
    administration text not null,            -- The administration
    as_of timestamptz not null,              -- The instant of which the list is
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null,                -- The position of the event that made the row
    cadence_hours int,                       -- New data comes at least as often; null: no cadence is declared
    primary key (administration, position)
);

grant select on views.list_received to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.list_received to aeo_projector;

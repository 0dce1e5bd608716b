-- When a published list of an administration was received, and of which instant it is.
create table views.list_received (
    administration text not null,            -- The administration
    as_of timestamptz not null,              -- The instant of which the list is
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null,                -- The position of the event that made the row
    primary key (administration, as_of)
);

grant select on views.list_received to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.list_received to aeo_projector;

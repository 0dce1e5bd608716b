-- The types of authorisation that a programme grants, bitemporal.
create table views.programme_type (
    programme text not null,                 -- The programme
    types text[] not null,                   -- The types of authorisation
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (programme, valid_from, recorded_from)
);

grant select on views.programme_type to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.programme_type to aeo_projector;

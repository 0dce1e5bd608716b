-- The customs administrations and blocs, as last recorded.
create table views.administration (
    code text primary key,                   -- Its code
    name text not null,                      -- Its name in English or in Latin letters
    time_zone text not null,                 -- The IANA name of its time zone
    bloc boolean not null,                   -- The bloc's code; of an administration: whether it is a bloc
    source text,                             -- Where it is known from
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null                 -- The position of the event that made the row
);

create index administration_told on views.administration (position);

grant select on views.administration to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.administration to aeo_projector;

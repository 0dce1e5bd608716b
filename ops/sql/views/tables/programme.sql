-- The AEO programmes, as last recorded.
create table views.programme (
    code text primary key,                   -- Its code
    administration text not null,            -- The administration
    name text not null,                      -- Its name in English or in Latin letters
    local_name text,                         -- Its name in its own script
    launched text,                           -- When it was launched, as the source says
    operators_described text,                -- How the source describes its operators
    confidence text,                         -- How sure the source is
    source text,                             -- Where it is known from
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null,                -- The position of the event that made the row
    words text                               -- Everything that a search looks in
);

create index programme_administration on views.programme (administration, code);
create index programme_told on views.programme (position);

grant select on views.programme to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.programme to aeo_projector;

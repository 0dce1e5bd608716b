-- How far each read model is projected, and where it stopped. One row for each projection.
create table views.tracking (
    projection text primary key,             -- The read model
    position bigint not null,                -- The position of the event that made the row
    stopped_at bigint,                       -- The event that could not be read, where the projection stands still
    why text,                                -- Why, in words
    -- When the row was last written
    updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

grant select on views.tracking to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.tracking to aeo_projector;

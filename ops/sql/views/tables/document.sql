-- Published documents about agreements and programmes.
create table views.document (
    id text primary key,                     -- Its id
    title text not null,                     -- Its title
    dated date,                              -- The date of the document
    parties text[] not null,                 -- The parties
    measures text[] not null,                -- The measures that it names
    agreements text[] not null,              -- The agreements that it belongs to
    text text,                               -- The text as it was published
    confidence text,                         -- How sure the source is
    source text not null,                    -- Where it is known from
    words text not null,                     -- Everything that a search looks in
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null,                -- The position of the event that made the row
    titles jsonb not null default '{}',      -- Its title in other languages, by language tag
    language text,                           -- The language tag of the text
    -- Original names of the measures, by language tag
    measure_names jsonb not null default '{}',
    quotation text,                          -- The words of the source
    note text                                -- A remark of whoever recorded it
);

grant select on views.document to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.document to aeo_projector;

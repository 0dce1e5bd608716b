-- What a document sets as a target, and for when.
create table views.target (
    document text not null,                  -- The document
    target text not null,                    -- What is to be reached
    owner text,                              -- Whose target it is
    text text not null,                      -- The text as it was published
    deadline date,                           -- By when
    relation text,                           -- How the target relates to its subject
    condition text,                          -- On which condition
    states text[] not null,                  -- What the record says of it
    willing jsonb not null,                  -- Whether the owner has said that it is willing
    source text not null,                    -- Where it is known from
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null,                -- The position of the event that made the row
    quotation text,                          -- The words of the source
    note text,                               -- A remark of whoever recorded it
    primary key (document, target)
);

grant select on views.target to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.target to aeo_projector;

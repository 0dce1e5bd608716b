-- Published figures (operators, programmes, agreements), each with its source and day.
create table views.claim (
    id uuid primary key,                     -- Its id
    subject text not null,                   -- The administration whose count it is
    measure text not null,                   -- What is counted
    value bigint not null,                   -- The value
    as_of date not null,                     -- The day for which it was published
    precision text,                          -- How exact the source is
    text text,                               -- The text as it was published
    source text not null,                    -- Where it is known from
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    position bigint not null                 -- The position of the event that made the row
);

create index claim_subject on views.claim (subject, measure, as_of);

grant select on views.claim to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.claim to aeo_projector;

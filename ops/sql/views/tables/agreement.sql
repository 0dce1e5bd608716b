-- The mutual recognition agreements and arrangements, as last recorded.
create table views.agreement (
    id text primary key,                     -- Its id
    kind text not null,                      -- Its kind, a value of `AgreementKind`
    pillars text[] not null,                 -- The pillars of the SAFE Framework that it covers
    title text not null,                     -- Its title
    legal_basis text,                        -- Its legal basis
    confidence text,                         -- How sure the source is
    details jsonb not null,                  -- Further particulars, by name
    source text,                             -- Where it is known from
    words text not null,                     -- Everything that a text search looks in, in lower case
    registered timestamptz not null,         -- When the register first knew of it (transaction time)
    proposed date not null,                  -- When it was proposed
    position bigint not null,                -- The position of the event that made the row
    titles jsonb not null default '{}',      -- Its title in other languages, by language tag
    names jsonb not null default '{}'        -- Original names that it uses, by language tag
);

create index agreement_told on views.agreement (position);

grant select on views.agreement to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.agreement to aeo_projector;

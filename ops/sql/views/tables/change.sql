-- What may have changed in what partners recognise: one row for each event that moved the status, a consent or an
-- identifier of an operator, by position. What it changed for one partner is computed when that partner asks.
create table views.change (
    tin text not null,                       -- The operator
    administration text not null,            -- The administration
    effective_from timestamptz not null,     -- The instant from which it counts in law
    recorded_at timestamptz not null,        -- When it was recorded, by the ledger's clock
    known_at timestamptz not null,           -- The instant from which the register or its source knew it
    position bigint not null,                -- The position of the event that made the row
    primary key (position, tin)
);

create index change_administration on views.change (administration, position);
create index change_tin on views.change (tin);

grant select on views.change to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.change to aeo_projector;

-- The status of each authorisation over time, bitemporal: at home (`status`) and as it counts abroad (`abroad`).
-- Hash-partitioned by TIN in eight parts.
create table views.status_period (
    tin text not null,                       -- The operator
    authorisation text not null,             -- Reference: programme, slash, ordinal
    number text,                             -- The number
    programme text not null,                 -- The programme
    type text not null,                      -- The type of authorisation
    status text not null,                    -- The status
    abroad text not null,                    -- Status of the part that partners recognise
    roles text[] not null,                   -- The roles
    effective_from date,                     -- The instant from which it counts in law
    valid_until date,                        -- The last civil day of the authorisation
    flags text[] not null,                   -- Doubts and particulars of the status, as codes
    ground text,                             -- The legal ground
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (tin, authorisation, valid_from, recorded_from, position)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.status_period_%s partition of views.status_period for values with (modulus 8, remainder %s)', part, part
        );
        execute format('grant select on views.status_period_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.status_period_%s to aeo_projector', part);
    end loop;
end
$$;

create index status_period_number on views.status_period (number) where number is not null;
create index status_period_ends on views.status_period (valid_until, tin) where valid_until is not null;

grant select on views.status_period to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.status_period to aeo_projector;

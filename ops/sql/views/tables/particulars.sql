-- Names, addresses and roles of operators, bitemporal. Hash-partitioned by TIN in eight parts.
create table views.particulars (
    tin text not null,                       -- The operator
    name text not null,                      -- Its name in English or in Latin letters
    local_name text,                         -- Its name in its own script
    address text,                            -- Its address
    roles text[] not null,                   -- The roles
    successor text,                          -- The operator into which it was merged
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    folded text,                             -- Name and local name in the form that a search compares
    primary key (tin, valid_from, recorded_from, position)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.particulars_%s partition of views.particulars for values with (modulus 8, remainder %s)', part, part
        );
        execute format('grant select on views.particulars_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.particulars_%s to aeo_projector', part);
    end loop;
end
$$;

create index particulars_position on views.particulars (position);
create index particulars_begin on views.particulars (valid_from) where valid_from > recorded_from;

grant select on views.particulars to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.particulars to aeo_projector;

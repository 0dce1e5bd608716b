-- Identifiers of operators by scheme, bitemporal. The instants follow from civil days in the home administration's
-- time zone, which are beside them. Hash-partitioned by TIN in eight parts.
create table views.identifier (
    tin text not null,                       -- The operator
    scheme text not null,                    -- The scheme of the number
    value text not null,                     -- The value
    issuer text,                             -- The administration that gave the number
    verified_by text,                        -- Who verified the number
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    from_day date,                           -- The first civil day, in the home administration's time zone
    to_day date,                             -- The last civil day, in the home administration's time zone
    normal text,                             -- The number in the normal form of its scheme
    shared boolean,                          -- Whether another operator may have the same number
    primary key (tin, scheme, value, valid_from, recorded_from, position)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.identifier_%s partition of views.identifier for values with (modulus 8, remainder %s)', part, part
        );
        execute format('grant select on views.identifier_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.identifier_%s to aeo_projector', part);
    end loop;
end
$$;

create index identifier_value on views.identifier (value, scheme);
create index identifier_normal on views.identifier (normal, scheme);
create index identifier_begins on views.identifier (valid_from) where valid_from > recorded_from;
create index identifier_ends on views.identifier (valid_to) where valid_to > recorded_from;

grant select on views.identifier to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.identifier to aeo_projector;

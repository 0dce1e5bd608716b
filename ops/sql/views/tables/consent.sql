-- Consents of operators to sharing with a partner, bitemporal. Hash-partitioned by TIN in eight parts.
create table views.consent (
    tin text not null,                       -- The operator
    partner text not null,                   -- An administration, '*' for publication, '+' for all found adequate
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (tin, partner, valid_from, recorded_from, position)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.consent_%s partition of views.consent for values with (modulus 8, remainder %s)', part, part
        );
        execute format('grant select on views.consent_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.consent_%s to aeo_projector', part);
    end loop;
end
$$;

create index consent_begins on views.consent (valid_from) where valid_from > recorded_from;
create index consent_ends on views.consent (valid_to) where valid_to > recorded_from;

grant select on views.consent to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.consent to aeo_projector;

-- Certificate numbers in their normal form, in transaction time, for look-ups by number: a number that was
-- believed once is found as known then. Hash-partitioned by TIN in eight parts.
create table views.certificate (
    tin text not null,                       -- The operator
    authorisation text not null,             -- The reference of the authorisation
    number text not null,                    -- As given
    normal text not null,                    -- The number in the normal form of its scheme
    shared boolean not null,                 -- Why another operator may have it, too, was said
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (tin, authorisation, normal, recorded_from, position)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.certificate_%s partition of views.certificate for values with (modulus 8, remainder %s)', part, part
        );
    end loop;
end
$$;

create index certificate_normal on views.certificate (normal);

grant select on views.certificate to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.certificate to aeo_projector;

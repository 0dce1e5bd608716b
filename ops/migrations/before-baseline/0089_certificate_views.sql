-- Certificate numbers in their normal form, on both clocks of knowledge, for look-ups by number: a number that was
-- believed once is found as known then. NULL and empty until the rows are derived anew.
set local role aeo_owner;
set local search_path = views;

create table certificate (
    tin text not null,
    authorisation text not null,
    number text not null,                 -- as given
    normal text not null,
    shared boolean not null,              -- why another operator may have it, too, was said
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (tin, authorisation, normal, recorded_from, position)
) partition by hash (tin);
create index certificate_normal on certificate (normal);
do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.%I partition of views.certificate for values with (modulus 8, remainder %s)',
            'certificate_' || part, part
        );
    end loop;
end
$$;
alter table identifier add column shared boolean;

grant select on certificate to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on certificate to aeo_projector;

reset role;

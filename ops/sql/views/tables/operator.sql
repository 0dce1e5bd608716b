-- The operators, one row each. The row also holds the current state for the fast path: everything that its events
-- decided, as arrays in the order of its authorisations. It is current from `settled` (later of valid and
-- transaction time) until `settled_until`. Hash-partitioned by TIN in eight parts.
create table views.operator (
    tin text not null,                       -- The operator
    id uuid not null,                        -- Its id
    administration text not null,            -- The administration
    time_zone text not null,                 -- The IANA name of its time zone
    source text,                             -- Where it is known from
    registered timestamptz not null,         -- When the register first knew of it (known_at)
    name text not null,                      -- Its name in English or in Latin letters
    local_name text,                         -- Its name in its own script
    address text,                            -- Its address
    roles text[] not null,                   -- The roles
    successor text,                          -- The operator into which it was merged
    standing text not null,                  -- Its status by the last event
    programmes text[] not null,              -- The programmes
    types text[] not null,                   -- The types of authorisation
    position bigint not null,                -- The position of the event that made the row
    -- From this instant on, on both clocks, the row itself gives the current state
    settled timestamptz not null,
    held text[] not null,                    -- Its authorisations, an element each, by reference: number
    held_programmes text[] not null,         -- The programmes of the authorisations it holds, one an element
    held_types text[] not null,              -- Their types
    held_statuses text[] not null,           -- Their statuses
    held_abroad text[] not null,             -- Their statuses towards partners
    held_roles text[] not null,              -- With commas between
    held_from timestamptz[] not null,        -- From when each is held
    schemes text[] not null,                 -- The schemes of its identifiers, one an element
    identifiers text[] not null,             -- Of these schemes
    consents text[] not null,                -- The partners that it consents to
    latest text[] not null,                  -- Its newest status periods, each a JSON object
    settled_until timestamptz,               -- The instant up to which the current state holds; null: no end is known
    end_to_record timestamptz,               -- The earliest end by law that is not recorded yet
    primary key (tin)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.operator_%s partition of views.operator for values with (modulus 8, remainder %s)', part, part
        );
        -- A text of a kilobyte is read with its row, and not moved to the TOAST table.
        execute format('alter table views.operator_%s set (toast_tuple_target = 8160)', part);
        execute format('grant select on views.operator_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.operator_%s to aeo_projector', part);
    end loop;
end
$$;

create index operator_id on views.operator (id);
create index operator_administration on views.operator (administration, tin);
create index operator_standing on views.operator (standing, administration, tin);
create index operator_end_to_record on views.operator (end_to_record) where end_to_record is not null;
create index operator_position on views.operator (position, tin);

grant select on views.operator to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.operator to aeo_projector;

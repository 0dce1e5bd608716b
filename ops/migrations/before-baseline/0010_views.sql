-- Read models: what the register says today, and said then. Every row can be had again by replay.
-- Big tables carry the operator's TIN in every key and are hash-partitioned by it from the start, so
-- that a partition can be moved to another server later. Both clocks are on every fact:
-- [valid_from, valid_to) is law, [recorded_from, recorded_to) is when it was believed (known_at),
-- and position/position_to the same by place in the register's sequence. NULL ends: still so.
set local role aeo_owner;
set local search_path = views;

create table tracking (
    projection text primary key,
    position bigint not null,
    stopped_at bigint,           -- the event that could not be read, where the projection stands still
    why text,
    updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- ------------------------------------------------------------------ administrations, programmes

create table administration (
    code text primary key,
    name text not null,
    time_zone text not null,
    bloc boolean not null,
    source text,
    recorded_from timestamptz not null,
    position bigint not null
);

create table membership (
    bloc text not null,
    member text not null,
    sense text not null check (sense in ('CUSTOMS_TERRITORY', 'UNION')),
    valid_from timestamptz not null,
    valid_to timestamptz,
    ground text,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (bloc, member, sense, valid_from, recorded_from)
);
create index membership_member on membership (member, bloc);

create table list_received (
    administration text not null,
    as_of timestamptz not null,
    recorded_from timestamptz not null,
    position bigint not null,
    primary key (administration, as_of)
);

create table programme (
    code text primary key,
    administration text not null,
    name text not null,
    local_name text,
    launched text,
    operators_described text,
    confidence text,
    source text,
    recorded_from timestamptz not null,
    position bigint not null
);
create index programme_administration on programme (administration, code);

create table programme_type (
    programme text not null,
    types text[] not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (programme, valid_from, recorded_from)
);

create table programme_rule (
    programme text not null,
    rule text not null,
    value text not null,
    unit text,
    begins date,                 -- as the law says it; valid_from is the same as an instant
    ends date,
    valid_from timestamptz not null,
    valid_to timestamptz,
    source text not null,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint
);
create index programme_rule_key on programme_rule (programme, rule, valid_from, recorded_from);

-- ------------------------------------------------------------------ operators

create table operator (
    tin text not null,
    id uuid not null,
    administration text not null,
    time_zone text not null,
    source text,
    registered timestamptz not null,      -- when the register first knew of it (known_at)
    -- as it stands by the last event, for lists and searches; asOf answers come from the tables below
    name text not null,
    local_name text,
    address text,
    roles text[] not null,
    successor text,
    standing text not null,
    programmes text[] not null,
    types text[] not null,
    position bigint not null,
    -- For questions on or after this instant, on both clocks, the row itself has the answer: all that
    -- its events decided has come into effect, and what follows is how it stands. Before: the tables below.
    settled timestamptz not null,
    held text[] not null,                 -- its authorisations, an element each, by reference: number
    held_programmes text[] not null,
    held_types text[] not null,
    held_statuses text[] not null,
    held_abroad text[] not null,
    held_roles text[] not null,           -- with commas between
    held_from timestamptz[] not null,
    schemes text[] not null,
    identifiers text[] not null,          -- of these schemes
    consents text[] not null,
    latest text[] not null,               -- its newest status periods, each a JSON object
    primary key (tin)
) partition by hash (tin);
create index operator_id on operator (id);            -- whose stream an event is of
create index operator_administration on operator (administration, tin);
create index operator_standing on operator (standing, administration, tin);

create table particulars (
    tin text not null,
    name text not null,
    local_name text,
    address text,
    roles text[] not null,
    successor text,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (tin, valid_from, recorded_from, position)
) partition by hash (tin);

create table identifier (
    tin text not null,
    scheme text not null,
    value text not null,
    issuer text,
    verified_by text,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (tin, scheme, value, valid_from, recorded_from, position)
) partition by hash (tin);
create index identifier_value on identifier (value, scheme);

create table consent (
    tin text not null,
    partner text not null,                -- an administration, or '*' for publication
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (tin, partner, valid_from, recorded_from, position)
) partition by hash (tin);

create table status_period (
    tin text not null,
    authorisation text not null,          -- reference: programme, slash, ordinal
    number text,
    programme text not null,
    type text not null,
    status text not null,
    abroad text not null,                 -- status of the part that partners recognise
    roles text[] not null,
    effective_from date,
    valid_until date,
    flags text[] not null,
    ground text,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (tin, authorisation, valid_from, recorded_from, position)
) partition by hash (tin);
create index status_period_number on status_period (number) where number is not null;

create table deadline (
    tin text not null,
    authorisation text not null,
    what text not null,
    due date not null,
    rule text not null,
    met_on date,
    dropped boolean not null,             -- what it was for came to an end first
    ordinal int not null,
    position bigint not null,
    primary key (tin, ordinal)
) partition by hash (tin);
create index deadline_open on deadline (due, tin) where met_on is null and not dropped;

-- What may have changed in what partners recognise: one row an event that moved an operator's status,
-- consent or identifiers. What it changed for one partner is worked out when that partner asks.
create table change (
    tin text not null,
    administration text not null,
    effective_from timestamptz not null,
    recorded_at timestamptz not null,
    known_at timestamptz not null,
    position bigint not null,
    primary key (position, tin)
);
create index change_administration on change (administration, position);

-- ------------------------------------------------------------------ agreements

create table agreement (
    id text primary key,
    kind text not null,
    pillars text[] not null,
    title text not null,
    legal_basis text,
    confidence text,
    details jsonb not null,
    source text,
    words text not null,                  -- everything that a text search looks in, in lower case
    registered timestamptz not null,
    proposed date not null,
    position bigint not null
);

create table party (
    agreement text not null,
    party text not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (agreement, party, valid_from, recorded_from, position)
);
create index party_party on party (party, agreement);

create table stage (
    agreement text not null,
    status text not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (agreement, valid_from, recorded_from, position)
);

create table side (
    agreement text not null,
    party text not null,
    implemented_from date,
    suspended boolean not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (agreement, party, valid_from, recorded_from, position)
);

create table dated (
    agreement text not null,
    what text not null,
    side text,
    earliest date not null,
    latest date not null,
    source text,
    assumed boolean not null,
    note text,
    from_at timestamptz not null,
    by_at timestamptz not null,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint
);
create index dated_agreement on dated (agreement);

create table link (
    from_party text not null,
    to_party text not null,
    agreement text not null,
    kind text not null,
    ordinal int not null,
    state text not null check (state in ('TERMINATED', 'SUSPENDED', 'NOT_IMPLEMENTED', 'UNCERTAIN', 'LIVE')),
    assumed boolean not null,
    programmes text[] not null,
    types text[] not null,
    roles text[] not null,
    direction text,
    hs text[] not null,
    crossings text[] not null,
    modes text[] not null,
    identifier_scheme text,
    declaration_box text,
    benefits text[] not null,
    consent_required boolean not null,
    max_age_hours int,
    valid_from timestamptz not null,
    valid_to timestamptz,
    recorded_from timestamptz not null,
    recorded_to timestamptz,
    position bigint not null,
    position_to bigint,
    primary key (from_party, to_party, agreement, ordinal, valid_from, recorded_from, position)
);
create index link_agreement on link (agreement);
create index link_to on link (to_party, from_party);

-- ------------------------------------------------------------------ claims and documents

create table claim (
    id uuid primary key,
    subject text not null,
    measure text not null,
    value bigint not null,
    as_of date not null,
    "precision" text,
    text text,
    source text not null,
    recorded_from timestamptz not null,
    position bigint not null
);
create index claim_subject on claim (subject, measure, as_of);

create table document (
    id text primary key,
    title text not null,
    dated date,
    parties text[] not null,
    measures text[] not null,
    agreements text[] not null,
    text text,
    confidence text,
    source text not null,
    words text not null,
    recorded_from timestamptz not null,
    position bigint not null
);

create table target (
    document text not null,
    target text not null,
    owner text,
    text text not null,
    deadline date,
    relation text,
    condition text,
    states text[] not null,
    willing jsonb not null,
    source text not null,
    recorded_from timestamptz not null,
    position bigint not null,
    primary key (document, target)
);

do $$
declare
    big text;
begin
    foreach big in array array[
        'operator', 'particulars', 'identifier', 'consent', 'status_period', 'deadline'
    ] loop
        for part in 0..7 loop
            execute format(
                'create table views.%I partition of views.%I for values with (modulus 8, remainder %s)',
                big || '_' || part, big, part
            );
            -- Texts of a kilobyte are read with the row that they are of, and not packed for that.
            if big = 'operator' then
                execute format('alter table views.%I set (toast_tuple_target = 8160)', big || '_' || part);
            end if;
        end loop;
    end loop;
end
$$;

grant select on all tables in schema views to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on all tables in schema views to aeo_projector;

reset role;

-- The members of blocs, bitemporal: [valid_from, valid_to) in valid time, [recorded_from, recorded_to) in
-- transaction time.
create table views.membership (
    bloc text not null,                      -- The bloc's code; of an administration: whether it is a bloc
    member text not null,                    -- The member of the bloc
    -- Of which kind the membership is
    sense text not null check (sense in ('CUSTOMS_TERRITORY', 'UNION')),
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    ground text,                             -- The legal ground
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    primary key (bloc, member, sense, valid_from, recorded_from)
);

create index membership_member on views.membership (member, bloc);

grant select on views.membership to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.membership to aeo_projector;

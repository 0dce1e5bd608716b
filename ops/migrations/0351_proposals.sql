-- Proposals: the decisions of an operator that wait, or waited, for a second person (four eyes).
set local role aeo_owner;

-- A proposed decision. Nothing is decided before it is confirmed. The proposed command is in the event at `position`.
create table views.proposal (
    tin text not null,                   -- The operator
    proposal uuid not null,              -- The id of the command that was proposed
    administration text not null,        -- The home administration of the operator
    programme text not null,             -- The programme whose rules want a second person
    command text not null,               -- The name of the proposed command: revoke_authorisation
    proposer text not null,              -- The person who proposed it, as an opaque id
    expires date,                        -- The last civil day, in the home time zone, on which it can be confirmed
    lapses timestamptz,                  -- The end of that day; null: no limit
    state text not null,                 -- OPEN (also where it has lapsed), CONFIRMED, REJECTED or WITHDRAWN
    closer text,                         -- The person who confirmed, rejected or withdrew it, as an opaque id
    reason text,                         -- Why it was rejected or withdrawn
    recorded_from timestamptz not null,  -- When it was proposed (transaction time)
    recorded_to timestamptz,             -- When it was confirmed, rejected or withdrawn (transaction time)
    position bigint not null,            -- The position of the event that proposed it
    position_to bigint,                  -- The position of the event that closed it
    primary key (tin, proposal)
);
create index proposal_open on views.proposal (administration, recorded_from) where state = 'OPEN';

grant select on views.proposal to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on views.proposal to aeo_projector;

reset role;

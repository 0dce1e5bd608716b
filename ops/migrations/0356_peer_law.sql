-- The law that a followed register publishes: the streams of its programmes, and of the agreements of which it is a party,
-- as it sent them and with what proves them in its log. Programmes and the acts of its own sides are recorded here as
-- events, too; what differs between the two registers is found by comparing these rows with the ledger (decision 0293).
set local role aeo_owner;

create table peers.law (
    peer text not null references peers.peer (name),
    history bigint not null,                 -- The history of the peer to which the position belongs
    position bigint not null,                -- In the peer's ledger
    leaf_index bigint not null,              -- In the peer's log
    salt bytea not null,                     -- Of the leaf
    originator_id uuid not null,             -- The stream, there as here
    originator_version bigint not null,      -- The version there
    topic text not null,                     -- The kind of the event
    state text not null,                     -- Its content, as the peer stored it
    recorded_at timestamptz not null,        -- When the peer recorded it
    known_at timestamptz not null,           -- Transaction time there
    command_id uuid not null,                -- Of the command there
    actor text not null,                     -- Who sent it there: an opaque id
    decided_by text,                         -- The authority that decided
    legal_ground text,                       -- On what it rests
    refused text,                            -- Why it could not be recorded here, where that was tried
    constraint law_pkey primary key (peer, history, position),
    constraint law_stream_key unique (peer, history, originator_id, originator_version),
    constraint law_salt_has_32_bytes check (octet_length(salt) = 32)
);

-- Null: the peer has not sent its law. Otherwise everything up to here was looked at.
alter table peers.peer add column law_position bigint;

grant select on peers.law to aeo_writer, aeo_reader, aeo_auditor;
grant insert, update on peers.law to aeo_writer;

reset role;

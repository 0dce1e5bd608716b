-- Other registers that this one follows, and what they sent. Each peer is authoritative for administrations of its own:
-- their operators are recorded there, and arrive here as events with proofs (decision 0282).
create schema peers authorization aeo_owner;
grant usage on schema peers to aeo_writer, aeo_reader, aeo_auditor;

set local role aeo_owner;

-- How far a peer is followed. `position`, in the same transaction as what it records; `head_size`, `head_root` and
-- `head_note`: the last head of its log that was verified, which every later one must continue.
create table peers.peer (
    name text not null,                      -- The name by which this register calls it
    url text not null,                       -- Where it answers
    administrations text[] not null,         -- For which it is authoritative
    log_key text not null,                   -- The verifier key of its log (C2SP signed-note)
    epoch text,                              -- The epoch of its ledger
    position bigint not null default 0,      -- Of its ledger: everything up to here was looked at
    head_size bigint not null default 0,     -- The number of leaves of the last verified head
    head_root bytea,                         -- Its root hash
    head_note text,                          -- The head as it was signed
    fresh_at timestamptz,                    -- Its data is known here as of this instant
    heard_at timestamptz,                    -- When it last answered
    stopped_at timestamptz,                  -- When it was stopped, where it is
    why text,                                -- Why it is stopped, or cannot go on now
    evidence text,                           -- The folder with both heads, where its history changed
    reported_at timestamptz,                 -- When the peer was told of it
    constraint peer_pkey primary key (name),
    constraint peer_stops_for_a_reason check (stopped_at is null or why is not null)
) with (fillfactor = 50);                    -- updated with every page

-- The proof of each event that came from a peer: its columns there, and the salt of its leaf. With the event in
-- ledger.event they give the leaf, and with the peer's log the proof.
create table peers.event (
    peer text not null references peers.peer (name),
    position bigint not null,                -- In the peer's ledger
    leaf_index bigint not null,              -- In the peer's log
    salt bytea not null,                     -- Of the leaf
    originator_id uuid not null,             -- The stream, here as there
    originator_version bigint not null,      -- The version, here as there
    recorded_at timestamptz not null,        -- When the peer recorded it
    known_at timestamptz not null,           -- Transaction time there
    command_id uuid not null,                -- Of the command there
    actor text not null,                     -- Who sent it there: an opaque id
    constraint peer_event_pkey primary key (peer, position),
    constraint peer_event_stream_key unique (originator_id, originator_version),
    constraint peer_event_salt_has_32_bytes check (octet_length(salt) = 32)
);

-- What partners who follow this register report: two heads of its log that contradict each other.
create table peers.report (
    number bigint generated always as identity,
    reported_at timestamptz not null default clock_timestamp(),
    partner text not null,                   -- Who reports: partner:CN
    remembered text not null,                -- The head that was verified before
    shown text not null,                     -- The head that contradicts it
    why text not null,                       -- In the words of the partner
    constraint report_pkey primary key (number)
);

-- How far each partner has read what this register publishes to peers.
create table peers.reader (
    partner text not null,                   -- partner:CN
    position bigint not null,                -- It has asked for everything up to here
    asked_at timestamptz not null,           -- When it last asked
    constraint reader_pkey primary key (partner)
) with (fillfactor = 50);

grant select on peers.peer, peers.event, peers.report, peers.reader to aeo_writer, aeo_reader, aeo_auditor;
grant insert, update on peers.peer, peers.reader to aeo_writer;
grant insert on peers.event, peers.report to aeo_writer;

reset role;

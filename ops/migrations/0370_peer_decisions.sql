-- What was decided about a peer that was stopped because its history changed: to accept the history that it shows now,
-- or to forget it. Nothing of it is changed or deleted.
set local role aeo_owner;

create table peers.decision (
    number bigint generated always as identity primary key,  -- The order in which they were taken
    decided_at timestamptz not null default clock_timestamp(),  -- When it was recorded (UTC)
    peer text not null references peers.peer (name),  -- The peer
    kind text not null check (kind in ('accept', 'forget')),  -- What was decided
    actor text not null,                     -- Who is responsible: an opaque id
    why text not null,                       -- In their words
    stopped_for text not null,               -- Why the peer was stopped
    evidence text,                           -- The folder with both heads
    remembered text not null,                -- The last head that was verified before
    accepted text                            -- The head from which it goes on; null: forgotten
);

-- A peer whose other history was accepted counts its positions anew.
alter table peers.peer add column history bigint not null default 0; -- How many other histories of it were accepted
alter table peers.event add column history bigint not null default 0; -- The history to which the position belongs
alter table peers.event drop constraint peer_event_pkey, add constraint peer_event_pkey primary key (peer, history, position);

grant select, insert on peers.decision to aeo_writer;
grant select on peers.decision to aeo_reader, aeo_auditor;

reset role;

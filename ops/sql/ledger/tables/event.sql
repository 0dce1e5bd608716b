-- The events: what was recorded, at positions without gaps. Append-only. Rows are added only by the functions
-- ledger.append, append_each and append_one. `recorded_at` (transaction time, UTC) never decreases along
-- positions. `known_at` is earlier than it only where an authority's own register knew the fact before this
-- register did.
create table ledger.event (
    position bigint not null,                -- The position in the ledger
    originator_id uuid not null,             -- The stream
    originator_version bigint not null,      -- The place of the event in its stream (expected version plus one)
    topic text not null,                     -- The stored name of the event (reference of events)
    state text not null,                     -- JSON, kept to the byte: the proof log hashes it (jsonb would reorder it)
    recorded_at timestamptz not null,        -- The ledger's own clock, never falling along positions
    known_at timestamptz not null,           -- Earlier only where an authority's own register knew it before us
    command_id uuid not null,                -- The id of the command (idempotency key)
    actor text not null,                     -- An opaque id, never a person's name
    decided_by text,                         -- The administration
    legal_ground text,                       -- The legal ground that was stated
    constraint event_pkey primary key (originator_id, originator_version),
    constraint event_position_key unique (position),
    constraint event_known_before_recorded check (known_at <= recorded_at)
);

create trigger event_is_append_only before update or delete or truncate on ledger.event
    for each statement execute function ledger.refuse_change();
alter table ledger.event enable always trigger event_is_append_only;

grant select on ledger.event to aeo_auditor, aeo_projector, aeo_signer, aeo_writer;

-- One row for each request that was ever acted upon, so that a request sent twice is recorded once (idempotency).
-- Append-only.
create table ledger.command (
    command_id uuid not null,                -- The id of the command (idempotency key)
    digest bytea not null,                   -- SHA-256 of the canonical request
    first_position bigint,                   -- The position of its first event; null: it recorded none
    events integer not null,                 -- How many events it recorded
    recorded_at timestamptz not null,        -- When it was recorded, by the ledger's clock
    constraint command_pkey primary key (command_id),
    constraint command_digest_is_sha256 check (octet_length(digest) = 32),
    constraint command_has_events_or_no_position check ((events = 0) = (first_position is null))
);

create trigger command_is_append_only before update or delete or truncate on ledger.command
    for each statement execute function ledger.refuse_change();
alter table ledger.command enable always trigger command_is_append_only;

grant select on ledger.command to aeo_auditor, aeo_projector, aeo_writer;

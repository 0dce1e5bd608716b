-- Secrets that all processes of a register share, and that protect nothing that is in this database.
set local role aeo_owner;

create table access.shared_secret (
    name text primary key,               -- dpop-nonce
    value bytea not null,                -- Random bytes
    made_at timestamptz not null default clock_timestamp() -- When it was made (UTC)
);

grant select, insert on access.shared_secret to aeo_reader;

reset role;

-- Proofs of possession and client assertions that were used: none is accepted twice, by whichever process. The rows
-- live for minutes; their commits do not wait for the disk.
set local role aeo_owner;

create table access.seen_once (
    digest bytea primary key,            -- SHA-256 of the key's thumbprint and the proof's jti
    until timestamptz not null           -- when it can no longer be used, and the row may go
);
create index seen_once_until on access.seen_once (until);

grant select, insert, delete on access.seen_once to aeo_reader;

reset role;

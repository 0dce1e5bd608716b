-- Credentials: signed statements of an operator's own authorisation, which it shows to whom it likes. They are no law
-- and no event: whoever checks one is answered from the register's present state.
set local role aeo_owner;

create table access.credential (
    id uuid primary key,                     -- The id in the credential: the idempotency key of the request for it
    code text not null unique,               -- What is printed on the certificate, and leads to the check of it
    tin text not null,                       -- The operator
    authorisation text not null,             -- The reference of the authorisation: programme, slash, ordinal
    issued_at timestamptz not null,          -- When it was issued (UTC)
    valid_until timestamptz not null,        -- When it expires (UTC)
    subject text not null,                   -- The subject that asked for it
    status_list integer not null check (status_list >= 1),  -- The number of its status lists
    -- Its place in them, drawn at random: those beside it say nothing about each other
    place integer not null check (place between 0 and 131071),
    position bigint not null,                -- The read models showed everything up to it, at least
    jwt text not null,                       -- The credential as it was issued
    withdrawn_at timestamptz,                -- When its operator or its home customs withdrew it (UTC); null: it is not
    unique (status_list, place)
);
create index credential_tin on access.credential (tin, issued_at);

-- Links by which an operator shows a credential, until they end.
create table access.credential_share (
    digest bytea primary key,                -- SHA-256 of the token in the link, which is stored nowhere
    id uuid not null unique,                 -- The idempotency key of the request for it
    credential uuid not null references access.credential (id),  -- What it shows
    made_at timestamptz not null,            -- When it was made (UTC)
    subject text not null,                   -- The subject that made it
    expires_at timestamptz not null,         -- When it ends (UTC)
    revoked_at timestamptz,                  -- When it was revoked (UTC); null: it is not
    looks bigint not null default 0,         -- How often it was opened
    looked_at timestamptz                    -- When it was last opened (UTC)
);
create index credential_share_credential on access.credential_share (credential, made_at);

grant select, insert on access.credential, access.credential_share to aeo_writer;
grant update (withdrawn_at) on access.credential to aeo_writer;
grant update (revoked_at, looks, looked_at) on access.credential_share to aeo_writer;
grant select on access.credential, access.credential_share to aeo_reader, aeo_auditor;

reset role;

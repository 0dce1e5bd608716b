-- Clients: the programs that get access tokens from the register's own authorisation server, and their public keys.
set local role aeo_owner;

-- A program that may get access tokens.
create table views.client (
    client text primary key,             -- The id of the client
    id uuid not null,                    -- The id of its stream
    administration text,                 -- To which its subject belongs; null: an auditor's
    acts_for text not null,              -- The subject of its tokens: partner:KR
    name text not null,                  -- Its name, for people
    revoked timestamptz,                 -- When it was revoked; null: it was not
    reason text,                         -- Why it was revoked
    recorded_from timestamptz not null,  -- When it was registered (transaction time)
    position bigint not null             -- The position of its last event
);
create index client_administration on views.client (administration);
create index client_id on views.client (id);

-- A public key of a client, in use or retired.
create table views.client_key (
    client text not null,                -- The id of the client
    key_id text not null,                -- The thumbprint of the key (RFC 7638)
    key text not null,                   -- The public key, a JWK as JSON
    recorded_from timestamptz not null,  -- When it was added (transaction time)
    retired timestamptz,                 -- When it was retired; null: it was not
    position bigint not null,            -- The position of the event that added it
    primary key (client, key_id)
);

grant select on views.client, views.client_key to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on views.client, views.client_key to aeo_projector;

reset role;

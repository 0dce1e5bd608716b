-- The leaves of the transparency log (a Merkle tree as of RFC 6962), numbered from 0 without gaps. Each is a
-- salted commitment to one event: who reads this schema without the salts learns nothing about anybody.
-- Append-only.
create table proof.leaf (
    leaf_index bigint not null,              -- The index of the leaf, from 0
    position bigint not null,                -- The position in the ledger
    entry bytea not null,                    -- The leaf's bytes
    constraint leaf_pkey primary key (leaf_index),
    constraint leaf_position_key unique (position),
    constraint leaf_is_a_commitment check (octet_length(entry) = 44)
);

create trigger leaf_is_append_only before update or delete or truncate on proof.leaf
    for each statement execute function proof.refuse_change();
alter table proof.leaf enable always trigger leaf_is_append_only;

grant select, insert on proof.leaf to aeo_projector;
grant select on proof.leaf to aeo_auditor, aeo_reader, aeo_signer;

-- The log: a public Merkle tree (RFC 6962) over salted commitments to every event, kept as C2SP tiles.
-- Whoever can read this schema but not the salts learns nothing about anybody.

-- Signs checkpoints, and can do nothing else: the key is its own, and so is its memory of the last head.
do $$
begin
    create role aeo_signer nologin;
exception when duplicate_object or unique_violation then
    null;  -- roles belong to the whole cluster
end
$$;

-- The tree's own dense numbering. That positions have no gaps is the ledger's promise, not the tree's.
create table proof.leaf (
    leaf_index bigint not null,
    position bigint not null,
    entry bytea not null,
    constraint leaf_pkey primary key (leaf_index),
    constraint leaf_position_key unique (position),
    constraint leaf_is_a_commitment check (octet_length(entry) = 44)
);

-- Apart from the leaves, because a salt may be erased, and a leaf never.
create table proof.salt (
    leaf_index bigint not null,
    salt bytea not null,
    constraint salt_pkey primary key (leaf_index),
    constraint salt_has_32_bytes check (octet_length(salt) = 32)
);

-- A row is a full tile or the last one of its level, which grows. Every older partial tile is a
-- slice of it, because a hash that is there never changes.
create table proof.tile (
    level smallint not null,
    index bigint not null,
    hashes bytea not null,
    constraint tile_pkey primary key (level, index),
    constraint tile_has_1_to_256_hashes
        check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0)
);
alter table proof.tile alter column hashes set storage external;  -- hashes do not compress

-- How far the tree is. Moves in one transaction with leaves and tiles, or the log would break in a crash.
create table proof.state (
    one boolean not null default true,
    size bigint not null,
    position bigint not null,            -- of the last event that is in the tree
    constraint state_pkey primary key (one),
    constraint state_is_one_row check (one)
);
insert into proof.state (size, position) values (0, 0);

create table proof.checkpoint (
    size bigint not null,
    root bytea not null,
    note text not null,                  -- with the log's own signatures
    signed_at timestamptz not null,
    constraint checkpoint_pkey primary key (size),
    constraint checkpoint_root_is_sha256 check (octet_length(root) = 32)
);

-- That a witness has seen this checkpoint, and none before it that contradicts it.
create table proof.cosignature (
    size bigint not null references proof.checkpoint (size),
    key text not null,                   -- the witness's verifier key (name+id+base64)
    line text not null,
    cosigned_at timestamptz not null,    -- by the witness's clock
    constraint cosignature_pkey primary key (size, key, cosigned_at)
);

create function proof.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'The log is append-only: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create function proof.refuse_rewriting() returns trigger language plpgsql as $$
begin
    if new.level <> old.level or new.index <> old.index
        or substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes
    then
        raise exception 'A tile only grows at its end: % of level % would be rewritten.', old.index, old.level
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

create function proof.refuse_going_back() returns trigger language plpgsql as $$
begin
    if new.size < old.size or new.position < old.position then
        raise exception 'The tree has % leaves and cannot go back to %.', old.size, new.size
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

-- Against accident. Against intent there are the signed heads, which others remember.
create trigger leaf_is_append_only before update or delete or truncate on proof.leaf
    for each statement execute function proof.refuse_change();
create trigger salt_is_never_changed before update or truncate on proof.salt
    for each statement execute function proof.refuse_change();
create trigger checkpoint_is_append_only before update or delete or truncate on proof.checkpoint
    for each statement execute function proof.refuse_change();
create trigger cosignature_is_append_only before update or delete or truncate on proof.cosignature
    for each statement execute function proof.refuse_change();
create trigger tile_is_never_removed before delete or truncate on proof.tile
    for each statement execute function proof.refuse_change();
create trigger tile_only_grows before update on proof.tile
    for each row execute function proof.refuse_rewriting();
create trigger state_never_goes_back before update on proof.state
    for each row execute function proof.refuse_going_back();
alter table proof.leaf enable always trigger leaf_is_append_only;
alter table proof.salt enable always trigger salt_is_never_changed;
alter table proof.checkpoint enable always trigger checkpoint_is_append_only;
alter table proof.cosignature enable always trigger cosignature_is_append_only;
alter table proof.tile enable always trigger tile_is_never_removed;
alter table proof.tile enable always trigger tile_only_grows;
alter table proof.state enable always trigger state_never_goes_back;

alter table proof.leaf owner to aeo_owner;
alter table proof.salt owner to aeo_owner;
alter table proof.tile owner to aeo_owner;
alter table proof.state owner to aeo_owner;
alter table proof.checkpoint owner to aeo_owner;
alter table proof.cosignature owner to aeo_owner;
alter function proof.refuse_change owner to aeo_owner;
alter function proof.refuse_rewriting owner to aeo_owner;
alter function proof.refuse_going_back owner to aeo_owner;

grant select, insert on proof.leaf, proof.salt to aeo_projector;
grant select, insert, update on proof.tile to aeo_projector;
grant select, update on proof.state to aeo_projector;

grant usage on schema proof, ledger to aeo_signer;
grant select on proof.leaf, proof.salt, proof.tile, proof.state, ledger.event to aeo_signer;
grant select, insert on proof.checkpoint, proof.cosignature to aeo_signer;

grant select on proof.leaf, proof.tile, proof.state, proof.checkpoint, proof.cosignature
    to aeo_reader, aeo_auditor;
grant select on proof.salt to aeo_auditor;

grant usage on schema proof to aeo_erasure;
grant select, delete on proof.salt to aeo_erasure;

-- Tiles of hashes (C2SP tlog-tiles). A row is a full tile, or the last one of its level, which grows. Every older
-- partial tile is a prefix of it, because a hash that is there never changes.
create table proof.tile (
    level smallint not null,                 -- The level of the tile in the tree
    index bigint not null,                   -- The index of the tile in its level
    hashes bytea not null,                   -- The hashes of the tile
    constraint tile_pkey primary key (level, index),
    constraint tile_has_1_to_256_hashes check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0)
);

-- Hashes do not compress.
alter table proof.tile alter column hashes set storage external;

create trigger tile_is_never_removed before delete or truncate on proof.tile
    for each statement execute function proof.refuse_change();
alter table proof.tile enable always trigger tile_is_never_removed;
create trigger tile_only_grows before update on proof.tile
    for each row execute function proof.refuse_rewriting();
alter table proof.tile enable always trigger tile_only_grows;

grant select, insert, update on proof.tile to aeo_projector;
grant select on proof.tile to aeo_auditor, aeo_reader, aeo_signer;

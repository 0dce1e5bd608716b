-- The random bytes of each commitment. They are apart from the leaves, because a salt may be erased and a leaf
-- never.
create table proof.salt (
    leaf_index bigint not null,              -- The index of the leaf, from 0
    salt bytea not null,                     -- The random bytes of the commitment
    constraint salt_pkey primary key (leaf_index),
    constraint salt_has_32_bytes check (octet_length(salt) = 32)
);

create trigger salt_is_never_changed before update or truncate on proof.salt
    for each statement execute function proof.refuse_change();
alter table proof.salt enable always trigger salt_is_never_changed;

grant select, insert on proof.salt to aeo_projector;
grant select on proof.salt to aeo_auditor, aeo_signer;

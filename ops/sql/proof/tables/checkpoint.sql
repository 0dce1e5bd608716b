-- The signed checkpoints of the log (C2SP tlog-checkpoint). Append-only.
create table proof.checkpoint (
    size bigint not null,                    -- How many leaves the tree has
    root bytea not null,                     -- The root hash of the tree
    note text not null,                      -- With the log's own signatures
    signed_at timestamptz not null,          -- When it was signed
    constraint checkpoint_pkey primary key (size),
    constraint checkpoint_root_is_sha256 check (octet_length(root) = 32)
);

create trigger checkpoint_is_append_only before update or delete or truncate on proof.checkpoint
    for each statement execute function proof.refuse_change();
alter table proof.checkpoint enable always trigger checkpoint_is_append_only;

grant select, insert on proof.checkpoint to aeo_signer;
grant select on proof.checkpoint to aeo_auditor, aeo_reader;

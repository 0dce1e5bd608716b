-- The statement of a witness that it has seen this checkpoint and none before it that contradicts it (C2SP
-- tlog-witness). Append-only.
create table proof.cosignature (
    -- How many leaves the tree has
    size bigint not null references proof.checkpoint (size),
    key text not null,                       -- The witness's verifier key (name+id+base64)
    line text not null,                      -- The signature line as the witness sent it
    cosigned_at timestamptz not null,        -- By the witness's clock
    constraint cosignature_pkey primary key (size, key, cosigned_at)
);

create trigger cosignature_is_append_only before update or delete or truncate on proof.cosignature
    for each statement execute function proof.refuse_change();
alter table proof.cosignature enable always trigger cosignature_is_append_only;

grant select, insert on proof.cosignature to aeo_signer;
grant select on proof.cosignature to aeo_auditor, aeo_reader;

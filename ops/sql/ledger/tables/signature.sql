-- The signature that the issuing administration itself gave of a command, where it gave one. It names its key and
-- its text, so it lies beside the log and not in it: a missing one is noticed, an altered one does not verify.
create table ledger.signature (
    command_id uuid not null,                -- The id of the command (idempotency key)
    administration text not null,            -- Whose key it is
    key text not null,                       -- The key's id: eight hexadecimal digits (C2SP signed-note)
    text text not null,                      -- What is signed, to the byte
    signature bytea not null,                -- Ed25519
    constraint signature_pkey primary key (command_id),
    constraint signature_is_of_a_command foreign key (command_id) references ledger.command,
    constraint signature_is_ed25519 check (octet_length(signature) = 64)
);

create trigger signature_is_append_only before update or delete or truncate on ledger.signature
    for each statement execute function ledger.refuse_change();
alter table ledger.signature enable always trigger signature_is_append_only;

grant select on ledger.signature to aeo_auditor, aeo_writer;

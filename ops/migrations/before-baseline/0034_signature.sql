-- The issuing administration's own signature of a command, where it gave one. It says for itself whose it is and
-- of what, so it lies beside the log and not in it: taken away, it is missed; altered, it does not verify.
create table ledger.signature (
    command_id uuid not null,
    administration text not null,        -- whose key it is
    key text not null,                   -- the key's id: eight hexadecimal digits (C2SP signed-note)
    text text not null,                  -- what is signed, to the byte
    signature bytea not null,            -- Ed25519
    constraint signature_pkey primary key (command_id),
    constraint signature_is_of_a_command foreign key (command_id) references ledger.command,
    constraint signature_is_ed25519 check (octet_length(signature) = 64)
);

create trigger signature_is_append_only before update or delete or truncate on ledger.signature
    for each statement execute function ledger.refuse_change();
alter table ledger.signature enable always trigger signature_is_append_only;

-- The same append for a batch in which some commands are signed: in one transaction, or it would be possible
-- to have the decision without its signature. Batches of which none is signed never come here.
create function ledger.append(
    command_ids uuid[], digests bytea[], actors text[], counts integer[],
    originator_ids uuid[], versions bigint[], topics text[], states text[],
    known_ats timestamptz[], decided_bys text[], legal_grounds text[],
    signed_ids uuid[], administrations text[], keys text[], texts text[], signatures bytea[]
)
returns table (
    number integer, status integer, first_position bigint, events integer, recorded_at timestamptz, refusal text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query select * from ledger.append(
        command_ids, digests, actors, counts, originator_ids, versions, topics, states,
        known_ats, decided_bys, legal_grounds
    );
    -- The signature is a part of the request, so a command of the same digest has this one or none.
    insert into ledger.signature (command_id, administration, key, text, signature)
    select s.id, s.administration, s.key, s.text, s.signature
    from unnest(signed_ids, administrations, keys, texts, signatures)
        as s (id, administration, key, text, signature)
    join unnest(command_ids, digests) as c (id, digest) on c.id = s.id
    join ledger.command as k on k.command_id = c.id and k.digest = c.digest
    on conflict do nothing;
end
$$;

revoke all on function ledger.append(
    uuid[], bytea[], text[], integer[], uuid[], bigint[], text[], text[], timestamptz[], text[], text[],
    uuid[], text[], text[], text[], bytea[]
) from public;

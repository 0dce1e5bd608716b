-- ledger.append for a batch in which some commands are signed by the issuing administration. Events and signatures
-- are in one transaction: otherwise a decision could be there without its signature.
create or replace function ledger.append(
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

revoke all on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[],uuid[],text[],text[],text[],bytea[]) from public;
grant execute on function ledger.append(uuid[],bytea[],text[],integer[],uuid[],bigint[],text[],text[],timestamp with time zone[],text[],text[],uuid[],text[],text[],text[],bytea[]) to aeo_writer;

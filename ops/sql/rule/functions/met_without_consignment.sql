-- What one clause makes of one authorisation without a consignment: an overload of rule.met.
create or replace function rule.met(
    held text, programme text, type text, abroad text, roles text, programmes text[], types text[], clause_roles text[],
    state text, identifier text, stale boolean
) returns int language sql stable as $$
    select rule.met(held, programme, type, abroad, roles, programmes, types, clause_roles, state, identifier, stale,
        null::text, '{}'::text[], '{}'::text[], '{}'::text[], null::text, null::text, null::text, null::text, null::text)
$$;

-- A basis as JSON text, for the selection of GraphQL fields that is asked most.
create or replace function rule.basis_text(agreement text, held text, since timestamptz) returns text
language sql stable as $$
    select '{"agreement":{"id":' || to_json(agreement)::text || '},"authorisation":' || to_json(held)::text
        || ',"since":' || to_char(since at time zone 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"') || '}'
$$;

-- The name of a crossing as it is compared: small letters without separators. As
-- registry.domain.recognition.plain_crossing.
create or replace function rule.plain_crossing(name text) returns text
language sql immutable as $$
    select translate(regexp_replace(lower(name), '\s', '', 'g'), U&'\2010\2011\2012\2013\2014\2212', '------')
$$;

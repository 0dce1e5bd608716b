-- The statuses that partners are told of. An authorisation past its end is certified as long as nobody decided.
create or replace function rule.certified() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN', 'SUSPENDED', 'GRANTED', 'SUPERSEDED', 'EXPIRED',
        'SURRENDERED', 'REVOKED', 'ANNULLED', 'DELISTED'
    ]
$$;

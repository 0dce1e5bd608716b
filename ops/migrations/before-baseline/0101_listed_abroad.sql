-- What of an operator counts abroad may be known from a published list alone: that is certified, too.
set local role aeo_owner;

create or replace function rule.certified() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN', 'SUSPENDED', 'GRANTED', 'SUPERSEDED', 'EXPIRED',
        'SURRENDERED', 'REVOKED', 'ANNULLED', 'DELISTED'
    ]
$$;

reset role;

-- Every status of an authorisation, the best standing first. As registry.domain.values.Status.
create or replace function rule.statuses() returns text[]
language sql immutable as $$
    select array[
        'VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN', 'SUSPENDED', 'GRANTED', 'UNDER_EXAMINATION', 'ACCEPTED', 'LODGED',
        'SUPERSEDED', 'EXPIRED', 'DELISTED', 'SURRENDERED', 'REVOKED', 'ANNULLED', 'REFUSED', 'WITHDRAWN', 'NOT_ACCEPTED',
        'NONE'
    ]
$$;

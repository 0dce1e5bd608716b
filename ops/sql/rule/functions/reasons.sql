-- Every reason code in alphabetical order: its place is its bit.
create or replace function rule.reasons() returns text[]
language sql immutable as $$
    select array[
        'AGREEMENT_NOT_IMPLEMENTED', 'AGREEMENT_SUSPENDED', 'AGREEMENT_TERMINATED', 'AUTHORISATION_ENDED',
        'AUTHORISATION_SUSPENDED', 'CROSSING_OUT_OF_SCOPE', 'DATE_UNCERTAIN', 'DECISION_AWAITED',
        'DIRECTION_OUT_OF_SCOPE', 'GOODS_OUT_OF_SCOPE', 'IN_FORCE', 'NOT_YET_EFFECTIVE', 'NO_AGREEMENT',
        'NO_AUTHORISATION', 'NO_INFORMATION', 'ROLE_OUT_OF_SCOPE', 'SAME_ADMINISTRATION', 'STALE_DATA',
        'TYPE_OUT_OF_SCOPE', 'UNMATCHED_IDENTIFIER'
    ]
$$;

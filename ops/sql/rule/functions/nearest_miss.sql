-- Why no authorisation counts, by the status that comes nearest.
create or replace function rule.nearest_miss(statuses text[]) returns text
language sql immutable as $$
    select case
        when 'DECISION_AWAITED' = any (statuses) then 'DECISION_AWAITED'
        when 'UNCERTAIN' = any (statuses) then 'DATE_UNCERTAIN'
        when 'SUSPENDED' = any (statuses) then 'AUTHORISATION_SUSPENDED'
        when 'GRANTED' = any (statuses) then 'NOT_YET_EFFECTIVE'
        when 'NONE' = any (statuses) then 'TYPE_OUT_OF_SCOPE'
        when statuses && array['REVOKED', 'ANNULLED', 'SURRENDERED', 'EXPIRED', 'SUPERSEDED', 'DELISTED'] then 'AUTHORISATION_ENDED'
        else 'NO_AUTHORISATION'
    end
$$;

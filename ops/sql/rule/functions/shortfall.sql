-- The bit of why no authorisation counts; 0 if one has a status that is counted.
create or replace function rule.shortfall(statuses text[], counted text[]) returns int
language sql immutable as $$
    select case when statuses && counted then 0 else rule.bit(rule.nearest_miss(statuses)) end
$$;

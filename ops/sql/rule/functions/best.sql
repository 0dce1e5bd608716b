-- The best of these statuses; NONE where there is none.
create or replace function rule.best(statuses text[]) returns text
language sql immutable as $$
    select coalesce((
        select s.status from unnest(statuses) as s(status)
        order by array_position(rule.statuses(), s.status) limit 1
    ), 'NONE')
$$;

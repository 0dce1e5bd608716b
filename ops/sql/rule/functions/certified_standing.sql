-- The best certified status of these.
create or replace function rule.certified_standing(statuses text[]) returns text
language sql immutable as $$
    select coalesce((
        select s from unnest(rule.statuses()) with ordinality as u(s, place)
        where s = any (statuses) and s = any (rule.certified()) order by place limit 1
    ), 'NONE')
$$;

-- Words in alphabetical order, by bytes, each once.
create or replace function rule.ordered(words text[]) returns text[]
language sql immutable as $$
    select array_agg(distinct w collate "C" order by w collate "C") from unnest(words) as u(w)
$$;

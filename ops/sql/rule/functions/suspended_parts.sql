-- The parts of an authorisation that are suspended alone, from its flags (part_S_suspended).
create or replace function rule.suspended_parts(flags text[]) returns text[]
language sql immutable as $$
    select coalesce(array_agg(substring(f.flag from '^part_(.*)_suspended$') order by f.flag collate "C"), '{}')
    from unnest(flags) as f(flag) where f.flag ~ '^part_.*_suspended$'
$$;

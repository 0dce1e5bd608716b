-- How an operator stands abroad: the best of what its authorisations are where partners recognise them.
set local role aeo_owner;

create function rule.best(statuses text[]) returns text
language sql immutable as $$
    select coalesce((
        select s.status from unnest(statuses) as s(status)
        order by array_position(rule.statuses(), s.status) limit 1
    ), 'NONE')
$$;

-- The long way, by the tables on both clocks. `all_of_it`: not only what is certified (0075).
create function rule.abroad_then(me text, at timestamptz, known timestamptz, all_of_it boolean) returns text
language plpgsql stable as $$
begin
    return rule.best(array(
        select p.abroad from views.status_period p
        where p.tin = me
          and p.valid_from <= at and (p.valid_to is null or p.valid_to > at)
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
          and (all_of_it or p.status = any (rule.certified()))
    ));
end
$$;

-- Of the flags of an authorisation, the parts that are suspended alone: part_S_suspended.
create function rule.suspended_parts(flags text[]) returns text[]
language sql immutable as $$
    select coalesce(array_agg(substring(f.flag from '^part_(.*)_suspended$') order by f.flag collate "C"), '{}')
    from unnest(flags) as f(flag) where f.flag ~ '^part_.*_suspended$'
$$;

reset role;

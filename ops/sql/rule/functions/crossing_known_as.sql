-- The name by which a clause knows a crossing, from an original name in another language; the name itself where no
-- agreement has it. ASCII names only: letter case in other scripts depends on the locale of the database.
create or replace function rule.crossing_known_as(asked text) returns text
language plpgsql stable as $$
declare
    plain text := rule.plain_crossing(asked);
    whole boolean := position('-' in plain) > 0;
    named text[] := array(
        select distinct c from views.link l cross join unnest(l.crossings) c
        where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.crossings <> '{}'
    );
    found text[];
begin
    if named = '{}' or rule.crosses(named, plain) then
        return asked;
    end if;
    found := array(
        select distinct p.ours
        from views.agreement a
        cross join lateral jsonb_each(a.names) as l (tag, words)
        cross join lateral jsonb_each_text(l.words) as w (name, original)
        cross join lateral (
            select w.name as ours where whole and rule.crosses(array[w.original], plain)
            union all
            select o.ours
            from unnest(
                string_to_array(rule.plain_crossing(w.original), '-'), string_to_array(w.name, '-')
            ) as o (theirs, ours)
            where not (whole and rule.crosses(array[w.original], plain)) and o.ours is not null
                and o.theirs = plain
        ) p
        where a.names <> '{}' and w.name = any (named)
    );
    return case when cardinality(found) = 1 then found[1] else asked end;
end
$$;

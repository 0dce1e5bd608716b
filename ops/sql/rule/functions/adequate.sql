-- The partners and blocs that a general consent of an operator with authorisations of these programmes reaches:
-- those found adequate for each of its programmes whose law of consent is general; without such a programme, for
-- any. `laws`: as rule.consent_laws gives them.
create or replace function rule.adequate(my_programmes text[], laws text[]) returns text[]
language sql immutable as $$
    select case when g.programmes is null then '{}' else array(
        select a.partner
        from unnest(laws) l
        cross join lateral (select split_part(l, ' adequate ', 1) as programme, split_part(l, ' adequate ', 2) as partner) a
        where a.partner <> '' and a.programme = any (g.programmes)
        group by a.partner
        having not g.own or count(*) = cardinality(g.programmes)
    ) end
    from (
        select case when f.own is null then f.every else f.own end as programmes, f.own is not null as own
        from (
            select array_agg(p) as every, array_agg(p) filter (where p = any (my_programmes)) as own
            from unnest(laws) l
            cross join lateral (select split_part(l, ' general', 1) as p) s
            where l = s.p || ' general'
        ) f
    ) g
$$;

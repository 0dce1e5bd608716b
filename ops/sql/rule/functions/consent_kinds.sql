-- Which consent the law of an operator's programmes requires: one row. `general`: a general one, `each`: one to each
-- partner, in either case by the law of some programme. `laws`: what rule.consent_laws gives. It is inlined.
create or replace function rule.consent_kinds(my_programmes text[], laws text[])
returns table (general boolean, each boolean) language sql immutable as $$
    select coalesce(bool_or(p || ' general' = any (laws)), false),
        coalesce(bool_or(p = any (laws) and p || ' general' <> all (laws)), false)
    from unnest(my_programmes) p
$$;

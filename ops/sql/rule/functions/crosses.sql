-- Whether a crossing is one of those that a clause names. As registry.domain.recognition.crosses.
create or replace function rule.crosses(crossings text[], asked text) returns boolean
language sql stable as $$
    select exists (
        select from unnest(crossings) as c(name)
        where rule.plain_crossing(c.name) in (
                rule.plain_crossing(asked),
                (select string_agg(part, '-' order by number desc)
                 from string_to_table(rule.plain_crossing(asked), '-') with ordinality as p(part, number))
            )
           or rule.plain_crossing(asked) = any (string_to_array(rule.plain_crossing(c.name), '-'))
    )
$$;

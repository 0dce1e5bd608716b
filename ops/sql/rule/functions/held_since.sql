-- Since when an authorisation has counted abroad as what it is: the beginning of the whole interval, which a
-- renewal, a reassessment or other roles do not end. As registry.domain.recognition.held_since.
create or replace function rule.held_since(
    me text, reference text, held_type text, began timestamptz, known timestamptz
) returns timestamptz language plpgsql stable as $$
begin
    -- The stretches of an authorisation follow each other without a gap. The last of them is the one
    -- that is asked about.
    return (
        with own as materialized (
            select p.type, p.abroad, p.valid_from, p.valid_to
            from views.status_period p
            where p.tin = me and p.authorisation = reference and p.valid_from <= began
              and rule.in_interval(known, p.recorded_from, p.recorded_to)
        )
        select coalesce(
            max(p.valid_to) filter (
                where p.valid_from < began and (p.type <> held_type
                    or p.abroad <> (select o.abroad from own o order by o.valid_from desc limit 1))
            ),
            min(p.valid_from))
        from own p
    );
end
$$;

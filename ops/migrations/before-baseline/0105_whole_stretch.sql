-- A basis counts from the beginning of the whole stretch over which the authorisation has been valid
-- abroad as what it is, and not from the last row: a renewal, a reassessment, other roles begin a row and
-- no stretch. As registry.recognition.held_since.
set local role aeo_owner;

create function rule.held_since(
    me text, reference text, held_type text, began timestamptz, known timestamptz
) returns timestamptz language plpgsql stable as $$
begin
    -- The stretches of an authorisation follow each other without a gap.
    return (
        select coalesce(
            max(p.valid_to) filter (
                where p.valid_from < began and (p.abroad <> 'VALID' or p.type <> held_type)
            ),
            min(p.valid_from))
        from views.status_period p
        where p.tin = me and p.authorisation = reference and p.valid_from <= began
          and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
    );
end
$$;

-- In rule.verdicts (0098) it is the one column that is another. Its text is taken from the database, so
-- that what else it says stays as it was made last.
do $do$
declare
    rule regprocedure :=
        'rule.verdicts(text, text, text, timestamptz, timestamptz, text, text, text, text, text)';
    made text := pg_get_functiondef(rule);
    better text := replace(made, 'p.abroad, p.roles, p.valid_from,',
        'p.abroad, p.roles, case when p.abroad = ''VALID'' then'
        ' rule.held_since(me, p.authorisation, p.type, p.valid_from, known) else p.valid_from end as valid_from,');
begin
    if better = made then
        raise exception 'rule.verdicts is not what this migration changes';
    end if;
    execute better;
end
$do$;

reset role;

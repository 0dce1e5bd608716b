-- A listing counts from the beginning of its whole stretch, too: as registry.recognition.held_since.
set local role aeo_owner;

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
              and p.recorded_from <= known and (p.recorded_to is null or p.recorded_to > known)
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

do $do$
declare
    rule regprocedure :=
        'rule.verdicts(text, text, text, timestamptz, timestamptz, text, text, text, text, text)';
    made text := pg_get_functiondef(rule);
    better text := replace(made, 'case when p.abroad = ''VALID'' then rule.held_since(',
        'case when p.abroad in (''VALID'', ''LISTED'') then rule.held_since(');
begin
    if better = made then
        raise exception 'rule.verdicts is not what this migration changes';
    end if;
    execute better;
end
$do$;

reset role;

-- rule.verdicts for every territory behind a procedural function, so that its plan is made only where it is
-- called.
create or replace function rule.verdicts_then(me text, home text, at timestamptz, known timestamptz) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language plpgsql stable as $$
begin
    return query
    select v.* from rule.verdicts(me, home, null, at, known, null, null, null, null, null) v;
end
$$;

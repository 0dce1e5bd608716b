-- rule.verdicts for one territory behind a procedural function, so that its plan is made only where it is called.
create or replace function rule.verdict_then(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (outcome text, legal text, operational text, reasons text[], bases rule.basis[])
language plpgsql stable rows 1 as $$
begin
    return query
    select v.outcome, v.legal, v.operational, v.reasons, v.bases
    from rule.verdicts(me, home, wanted, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

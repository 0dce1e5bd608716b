-- The rule of recognition into one territory from the bitemporal tables, for any two instants: rule.there over what
-- rule.held finds. `home` is the administration of the operator, which the caller knows to be registered. It is
-- procedural, so that its plan is made only where it is called, and generic, so that it is made once: planning takes
-- ten times as long as the answer.
create or replace function rule.verdict_then(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (outcome text, legal text, operational text, reasons text[], bases rule.basis[])
language plpgsql stable rows 1
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select v.outcome, v.legal, v.operational, v.reasons, v.bases
    from (
        select h.*, rule.parties(home, at, known) as ours, rule.parties(wanted, at, known) as theirs,
            array(select c.law from rule.consent_laws(at, known) c) as laws
        from rule.held(me, at, known) h
        offset 0  -- optimisation fence: computed once
    ) h
    cross join lateral rule.there(me, home, h.ours, wanted, h.theirs, h.laws, h.held, h.programmes, h.types,
        h.statuses, h.abroad, h.roles, h.since, h.schemes, h.identifiers, h.consents, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

-- The rule of recognition for every territory from the bitemporal tables, for any two instants: rule.everywhere over
-- what rule.held finds. `home` is the administration of the operator, which the caller knows to be registered. It is
-- procedural, so that its plan is made only where it is called, and generic, so that it is made once: planning takes
-- ten times as long as the answer.
create or replace function rule.verdicts_then(
    me text, home text, at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select v.territory, v.outcome, v.legal, v.operational, v.reasons, v.bases
    from (select h.* from rule.held(me, at, known) h offset 0) h  -- optimisation fence: computed once
    cross join lateral rule.everywhere(me, home, h.held, h.programmes, h.types, h.statuses, h.abroad, h.roles,
        h.since, h.schemes, h.identifiers, h.consents, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v;
end
$$;

-- The rule of recognition from the bitemporal tables: one row for each territory, the one asked about or, where
-- `wanted` is NULL, each to which the agreements lead. `at` is valid time, `known` transaction time, both UTC.
create or replace function rule.verdicts(
    me text, home text, wanted text, at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    territory text, outcome text, legal text, operational text, reasons text[], bases rule.basis[]
) language sql stable as $$
    select wanted, v.*
    from rule.verdict_then(me, home, wanted, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v
    where wanted is not null
    union all
    select v.*
    from rule.verdicts_then(me, home, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v
    where wanted is null
$$;

-- The law of consent to sharing at an instant of valid time, as known at an instant of transaction time: the texts of
-- rule.consent_laws_known. It is inlined.
create or replace function rule.consent_laws(at timestamptz, known timestamptz) returns table (law text)
language sql stable as $$
    select l.law from rule.consent_laws_known(known) l where rule.in_interval(at, l.valid_from, l.valid_to)
$$;

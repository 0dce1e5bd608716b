-- The programmes whose law requires consent to sharing at an instant of valid time, as known at an instant of
-- transaction time. It is inlined.
create or replace function rule.consent_laws(at timestamptz, known timestamptz) returns table (programme text)
language sql stable as $$
    select r.programme from views.programme_rule r
    where r.rule = 'sharing_consent' and r.value = 'required'
      and rule.in_interval(at, r.valid_from, r.valid_to)
      and rule.in_interval(known, r.recorded_from, r.recorded_to)
$$;

-- The law of consent to sharing as known at an instant of transaction time, each with its interval of valid time, as
-- texts: `P`, the law of programme P requires consent; `P general`, one consent for every partner found adequate;
-- `P adequate KR`, that partner or bloc was found adequate. It is inlined.
create or replace function rule.consent_laws_known(known timestamptz)
returns table (law text, valid_from timestamptz, valid_to timestamptz)
language sql stable as $$
    select r.programme || t.form, r.valid_from, r.valid_to
    from views.programme_rule r
    join (values (' general', array['general']), ('', array['general', 'per partner', 'required'])) as t(form, written)
        on r.value = any (t.written)
    where r.rule = 'sharing_consent' and rule.in_interval(known, r.recorded_from, r.recorded_to)
    union all
    select r.programme || ' adequate ' || substr(r.rule, 10), r.valid_from, r.valid_to
    from views.programme_rule r
    where starts_with(r.rule, 'adequate.') and r.value = 'adequate'
      and rule.in_interval(known, r.recorded_from, r.recorded_to)
$$;

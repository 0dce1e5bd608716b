-- Whether a row of views.programme_rule belongs to the law of consent: it requires consent to sharing, or names a
-- partner whose data protection was found adequate. It is inlined.
create or replace function rule.is_consent_law(rule text, value text) returns boolean
language sql immutable as $$
    select rule = 'sharing_consent' and value in ('required', 'per partner', 'general')
        or starts_with(rule, 'adequate.') and value = 'adequate'
$$;

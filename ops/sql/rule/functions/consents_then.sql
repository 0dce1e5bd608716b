-- The partners to which an operator consents at an instant, on both clocks.
create or replace function rule.consents_then(me text, now timestamptz) returns text[]
language plpgsql stable as $$
begin
    return array(
        select c.partner from views.consent c
        where c.tin = me
          and rule.in_interval(now, c.valid_from, c.valid_to)
          and rule.in_interval(now, c.recorded_from, c.recorded_to)
    );
end
$$;

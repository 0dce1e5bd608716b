-- The partners to which an operator consents at an instant, on both clocks.
create or replace function rule.consents_then(me text, now timestamptz) returns text[]
language plpgsql stable as $$
begin
    return array(
        select c.partner from views.consent c
        where c.tin = me
          and c.valid_from <= now and (c.valid_to is null or c.valid_to > now)
          and c.recorded_from <= now and (c.recorded_to is null or c.recorded_to > now)
    );
end
$$;

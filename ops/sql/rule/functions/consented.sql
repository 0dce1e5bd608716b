-- Whether an operator's consents reach a partner (registry/domain/consent.py). `general`, `each`: the law of one of its
-- programmes requires a general consent, or one to each partner. `given`: the operator gave the general consent, and
-- the partner is in rule.adequate; `to_partner`: it consents to the partner or to a bloc of it. It is inlined.
create or replace function rule.consented(general boolean, each boolean, given boolean, to_partner boolean)
returns boolean language sql immutable as $$
    select case
        when not general and (to_partner or each) then to_partner
        else given and (to_partner or not each)
    end
$$;

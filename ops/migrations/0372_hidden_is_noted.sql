-- Row-level security notes the operator that it last hid from the stated subject, so that access.nothing_of need not
-- look for it in the table, which took longer than the decision itself.
set local role aeo_owner;

-- Whether the subject sees this row of views.operator: it is that operator, its home customs (of a bloc), or an
-- agreement or a consent lets it. `sight`: as access.sight. Of an operator that it does not see, the TIN is noted in
-- aeo.hidden until the end of the transaction.
create or replace function access.shows_operator(
    sight jsonb, me text, home text, my_programmes text[], my_settled timestamptz, my_consents text[],
    my_statuses text[]
) returns boolean language plpgsql stable as $$
declare
    shown text;
    general boolean;
    now timestamptz;
begin
    if access.subject(1) = 'company' then
        if me = access.subject(3) then
            return true;
        end if;
        perform set_config('aeo.hidden', me, true);
        return false;
    end if;
    if sight -> 'own' ? home then
        return true;
    end if;
    shown := case when access.subject(1) = 'public' then 'CONSENT' else sight -> 'homes' ->> home end;
    if shown is null then
        perform set_config('aeo.hidden', me, true);
        return false;
    end if;
    now := access.instant();
    if shown = 'CONSENT' or sight -> 'laws' ?| my_programmes then
        if my_settled > now then
            my_consents := access.consents_then(me, now);
        end if;
        general := coalesce(sight -> 'general' ?| my_programmes, false);
        if not rule.consented(
            general, coalesce(sight -> 'each' ?| my_programmes, false),
            '+' = any (my_consents) and case when general then not sight -> 'closed' ?| my_programmes
                else coalesce((sight -> 'adequate')::boolean, false) end,
            sight -> 'to' ?| my_consents
        ) then
            perform set_config('aeo.hidden', me, true);
            return false;
        end if;
    end if;
    if my_settled <= now and my_statuses && rule.certified() or access.certified_by(me, now) then
        return true;
    end if;
    perform set_config('aeo.hidden', me, true);
    return false;
end
$$;

-- What is answered for a TIN of which the stated subject sees no operator: `null`, as JSON. Where row-level security
-- had none to hide, the decision is taken all the same, on an operator that was granted nothing and consents to
-- nothing, so that the time of the answer does not tell the two apart. Evaluated right after the look-up.
create or replace function access.nothing_of(me text) returns text language plpgsql stable as $$
declare
    ignored boolean;
begin
    if current_setting('aeo.hidden', true) is distinct from me then
        ignored := access.shows_operator(access.sight(), me, access.home_of(me), array[''], '-infinity', '{}', '{}');
    end if;
    perform set_config('aeo.hidden', '', true);
    return 'null';
end
$$;

reset role;

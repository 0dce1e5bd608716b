-- Two lists that are small whatever the size of the register: the open proposals of administrations, and the numbers that
-- operators of two administrations hold. And the decision that is taken for a number of a certificate that nobody has.
set local role aeo_owner;

-- Proposals are few events in streams that also have every list that was received: the page of work asks for the open
-- ones each time.
create index event_administration_proposal on ledger.event (originator_id, originator_version)
    where topic = 'administration.decision_proposed';

-- By number, with the administration of each holder: numbers with two of them are found from the index alone.
create index held_number_homes on ledger.held_number (scheme, value, home);
drop index ledger.held_number_scheme_value_idx;

-- The numbers of these schemes that operators of two administrations hold on the same day, from a number on (inclusive),
-- in the order of schemes and numbers, each pair of holders a row; `since`, `until`: the first civil day on which both
-- hold it and the last, null: not known. At most `most` numbers with such a pair are returned, and at most `wide` holdings
-- of each scheme looked at. A last row without holders is the number from which to go on; without one, everything was looked at.
--
-- As the owner, because the numbers in the ledger have no policy: the decision of the policy of views.operator is taken
-- here on both holders, for the stated subject, and a pair of which it does not see both is left out.
create function access.shared_numbers(
    of_schemes text[], from_scheme text, from_value text, most int, wide int
) returns table (scheme text, value text, one text, other text, since date, until date)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    everything boolean := access.sees_all();
    own text := coalesce(access.own_home(), '');
    sight jsonb := access.sight();
    listed int := 0;
    of_scheme text;
    first text;
    edge text;
    number record;
    pairs int;
begin
    for of_scheme in select s from unnest(of_schemes) s where s >= from_scheme order by s loop
        first := case when of_scheme = from_scheme then from_value else '' end;
        edge := (
            select h.value from ledger.held_number h
            where h.scheme = of_scheme and h.value >= first order by h.value offset wide limit 1
        );
        for number in
            select n.value from ledger.held_number n
            where n.scheme = of_scheme and n.value >= first and (edge is null or n.value < edge)
            group by n.value having min(n.home) <> max(n.home) order by n.value
        loop
            if listed >= most then
                return query select of_scheme, number.value, null::text, null::text, cast(null as date), cast(null as date);
                return;
            end if;
            return query
                select of_scheme, number.value, a.holder, b.holder,
                    greatest(a.from_day, b.from_day), least(a.to_day, b.to_day)
                from ledger.held_number a
                join ledger.held_number b on b.scheme = a.scheme and b.value = a.value and b.home > a.home
                    and coalesce(a.from_day, '-infinity') < coalesce(b.to_day, 'infinity')
                    and coalesce(b.from_day, '-infinity') < coalesce(a.to_day, 'infinity')
                where a.scheme = of_scheme and a.value = number.value and (
                    everything or 2 = (
                        select count(*) from views.operator o
                        where o.tin in (a.holder, b.holder) and (
                            o.administration = own
                            or access.shows_operator(sight, o.tin, o.administration, o.programmes, o.settled,
                                o.consents, o.held_statuses)
                        )
                    )
                )
                order by a.holder, b.holder;
            get diagnostics pairs = row_count;
            listed := listed + (pairs > 0)::int;
        end loop;
        if edge is not null then
            return query select of_scheme, edge, null::text, null::text, cast(null as date), cast(null as date);
            return;
        end if;
    end loop;
end
$$;
revoke execute on function access.shared_numbers(text[], text, text, int, int) from public;
grant execute on function access.shared_numbers(text[], text, text, int, int) to aeo_reader, aeo_auditor;

-- As access.nothing_of, for a number of a certificate of which the subject sees no holder: where row-level security had
-- none to hide, the decision is taken all the same, on one of the administration that the number begins with.
create function access.nothing_at(number text) returns text language plpgsql stable as $$
declare
    nobody text := upper(left(number, 2)) || '-';
    ignored boolean;
begin
    if coalesce(current_setting('aeo.hidden', true), '') = '' then
        ignored := access.shows(nobody);
        ignored := access.shows_operator(
            access.sight(), nobody, access.home_of(nobody), array[''], '-infinity', '{}', '{}');
    end if;
    perform set_config('aeo.hidden', '', true);
    return 'null';
end
$$;
revoke execute on function access.nothing_at(text) from public;
grant execute on function access.nothing_at(text) to aeo_reader, aeo_auditor;

reset role;

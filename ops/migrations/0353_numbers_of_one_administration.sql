-- A number that another administration's operator holds is no reason to refuse (decision 0242).
set local role aeo_owner;

-- Why an operator cannot hold these numbers: another one does. NULL where it can. What it holds already is not
-- asked about again. Operators of other administrations are not asked about: a refusal would say that there is one
-- (decision 0242). Called under the lock of ledger.head.
create or replace function ledger.held_by_another(holder text, home text, numbers text) returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    return (
        select format(
            '%s is %s; if the authority gave it to both, say why in shared',
            case when o.scheme = 'CERTIFICATE'
                then format('number: the certificate number %s of %s', o.value, o.issuer)
                else format('value: %s %s', o.scheme, o.value) end,
            format('that of operator %s', o.holder)
        )
        from json_to_recordset(numbers::json) as n (
            scheme text, issuer text, value text, from_day date, to_day date, shared boolean)
        join ledger.held_number as o on o.scheme = n.scheme and o.value = n.value and o.issuer = n.issuer
        where o.holder <> holder and o.home = home and not n.shared
            and coalesce(o.from_day, '-infinity') < coalesce(n.to_day, 'infinity')
            and coalesce(n.from_day, '-infinity') < coalesce(o.to_day, 'infinity')
            and not exists (
                select from ledger.held_number as mine
                where mine.holder = holder and mine.scheme = n.scheme and mine.value = n.value
                    and mine.issuer = n.issuer
                    and coalesce(mine.from_day, '-infinity') <= coalesce(n.from_day, '-infinity')
                    and coalesce(mine.to_day, 'infinity') >= coalesce(n.to_day, 'infinity')
            )
        order by o.scheme, o.value, o.holder limit 1
    );
end
$$;

reset role;

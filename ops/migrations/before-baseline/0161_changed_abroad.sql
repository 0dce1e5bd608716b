-- Whether what those abroad are told of an operator is another than it was when everything up to a place of the
-- sequence was recorded (registry/disclosure.py): its certified standings, its particulars, its identifiers. An
-- event that changes none of these (a reassessment, an application, a consent) is no change to them. Stretches that
-- say the same and meet are one, as they are where they are read.
set local role aeo_owner;

create function rule.changed_abroad(me text, place bigint) returns boolean
language plpgsql stable as $$
begin
    return exists (
        with told as materialized (
            select row(p.authorisation, p.number, p.programme, p.type, p.status, p.abroad, p.roles,
                    p.effective_from, p.valid_until,
                    array(select f from unnest(p.flags) f where starts_with(f, 'part_')))::text as says,
                tstzrange(p.valid_from, p.valid_to) as law, p.position, p.position_to
            from views.status_period p
            where p.tin = me and p.status = any (rule.certified())
            union all
            select row('particulars', n.name, n.local_name, n.address, n.roles)::text,
                tstzrange(n.valid_from, n.valid_to), n.position, n.position_to
            from views.particulars n where n.tin = me
            union all
            select row('identifier', i.scheme, i.value, i.issuer, i.verified_by, i.from_day, i.to_day)::text,
                tstzrange(i.valid_from, i.valid_to), i.position, i.position_to
            from views.identifier i where i.tin = me
        ),
        before as (
            select t.says, range_agg(t.law) as laws from told t
            where t.position <= place and (t.position_to is null or t.position_to > place)
            group by t.says
        ),
        since as (
            select t.says, range_agg(t.law) as laws from told t where t.position_to is null group by t.says
        )
        (table before except table since) union all (table since except table before)
    );
end
$$;

reset role;

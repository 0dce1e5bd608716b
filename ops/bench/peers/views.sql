-- What the peers serve: the register's own rows, under names that each of them takes as it likes best.
-- Recognition is the register's own rule in SQL; the peers may ask it as they please.
create schema peer;

create view peer.operator as
    select o.tin, o.name, o.local_name, o.address, o.standing, o.roles, o.source, o.administration
    from views.operator o;

create view peer.period as
    select p.tin, coalesce(p.number, p.authorisation) as authorisation, p.authorisation as reference,
           p.status, p.valid_from, p.valid_to, p.recorded_from,
           p.recorded_to, p.position
    from views.status_period p;

create type peer.verdict as (
    tin text, territory text, outcome text, legal text, operational text, reasons text[], bases jsonb
);

-- Into one territory, or, where none is given, into each to which the agreements of today lead. By the
-- same short way as the register itself: what is compared is who asks, not whose rule is slower.
create function peer.verdicts(tins text[], wanted text) returns setof peer.verdict
language sql stable as $$
    with blocs as materialized (
        select m.member, m.bloc from rule.members(now(), now()) m
    ), common as materialized (
        select array(select wanted union all select b.bloc from blocs b where b.member = wanted) as theirs,
            array(select c.law from rule.consent_laws(now(), now()) c) as laws
    )
    select k.tin, coalesce(v.territory, wanted), coalesce(v.outcome, 'UNKNOWN'),
           coalesce(v.legal, 'UNKNOWN'), coalesce(v.operational, 'UNKNOWN'),
           coalesce(v.reasons, array['NO_INFORMATION']), coalesce(to_jsonb(v.bases), '[]')
    from common
    cross join unnest(tins) with ordinality k(tin, n)
    left join lateral (
        select o.*, o.settled <= now() as shortly,
            array[o.administration]
                || array(select b.bloc from blocs b where b.member = o.administration) as ours
        from views.operator o where o.tin = k.tin offset 0
    ) o on true
    left join lateral (
        select e.territory, e.outcome, e.legal, e.operational, e.reasons, e.bases
        from rule.everywhere(o.tin, o.administration, o.held, o.held_programmes, o.held_types,
            o.held_statuses, o.held_abroad, o.held_roles, o.held_from, o.schemes, o.identifiers,
            o.consents, now(), now()) e
        where o.shortly and wanted is null
        union all
        select wanted, t.outcome, t.legal, t.operational, t.reasons, t.bases
        from rule.there(o.tin, o.administration, o.ours, wanted, common.theirs, common.laws, o.held,
            o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles, o.held_from,
            o.schemes, o.identifiers, o.consents, now(), now()) t
        where o.shortly and wanted is not null
        union all
        select coalesce(r.territory, wanted), r.outcome, r.legal, r.operational, r.reasons, r.bases
        from rule.verdicts(o.tin, o.administration, wanted, now(), now(),
            null, null, null, null, null) r
        where not o.shortly
    ) v on o.tin is not null
    order by k.n, v.territory collate "C"
$$;

create function peer.operators_by_tin(tins text[]) returns setof peer.operator
language sql stable as $$
    select o.* from unnest(tins) with ordinality k(tin, n) join peer.operator o using (tin) order by k.n
$$;

-- What PostGraphile reads from a database beside its tables.
comment on view peer.operator is E'@primaryKey tin';
comment on view peer.period is
    E'@foreignKey (tin) references operator (tin)|@fieldName operator|@foreignFieldName periods';
create function peer.operator_recognised_in(o peer.operator) returns setof peer.verdict
language sql stable as $$ select * from peer.verdicts(array[o.tin], null) $$;

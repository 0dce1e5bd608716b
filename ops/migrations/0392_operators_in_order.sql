-- The list of operators in the order of names, of statuses and of days of authorisation.
set local role aeo_owner;

-- The key of the order of names: no accents, no letter case, the first 60 characters.
create or replace function rule.name_order(name text) returns text
language sql immutable as $$
    select left(lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g') collate "C"), 60)
$$;

-- The key of the order of statuses: the best first (registry/domain/values.py, Status).
create or replace function rule.standing_order(standing text) returns int
language sql immutable as $$
    select array_position(array[
        'VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN', 'SUSPENDED', 'GRANTED',
        'UNDER_EXAMINATION', 'ACCEPTED', 'LODGED', 'SUPERSEDED', 'EXPIRED', 'DELISTED',
        'SURRENDERED', 'REVOKED', 'ANNULLED', 'REFUSED', 'WITHDRAWN', 'NOT_ACCEPTED', 'NONE'
    ], standing)
$$;

-- The first civil day from which one of the authorisations that the operator holds counts; null: none.
alter table views.operator add column if not exists authorised date;
comment on column views.operator.authorised is 'The first civil day from which an authorisation that it holds counts; null: none';
update views.operator o set authorised = (
    select min(p.effective_from) from views.status_period p
    where p.tin = o.tin and p.recorded_to is null
        and p.valid_from <= o.settled and (p.valid_to is null or p.valid_to > o.settled)
);

create index operator_by_name on views.operator ((rule.name_order(name) collate "C"), tin);
create index operator_by_standing on views.operator ((rule.standing_order(standing)), tin);
create index operator_by_authorised on views.operator ((coalesce(authorised, date 'infinity')), tin);

reset role;

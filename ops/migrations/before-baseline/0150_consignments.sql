-- The rule over a settled row (0100) takes the consignment that is asked about, too, so that a batch of
-- declarations is answered from the rows as a batch of TINs is. Without a consignment it is what it was:
-- the functions of before are doors to those that follow, so that there is one rule.
set local role aeo_owner;

-- Does one of a clause's codes cover the goods asked about? HS codes have 2, 4 or 6 digits.
create function rule.covers(codes text[], asked text) returns boolean
language sql immutable as $$ select codes && array[left(asked, 2), left(asked, 4), asked] $$;

-- What one clause makes of one authorisation, where consent is not wanting. Conditions in the order of
-- registry.recognition.
create function rule.met(
    held text, programme text, type text, abroad text, roles text, programmes text[], types text[], clause_roles text[],
    state text, identifier text, stale boolean,
    clause_direction text, clause_hs text[], clause_crossings text[], clause_modes text[],
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns int language sql stable as $$
    select case
        when held is null then null
        when programmes <> '{}' and programme <> all (programmes) then rule.bit('TYPE_OUT_OF_SCOPE')
        when type <> all (types) and '*' <> all (types) then rule.bit('TYPE_OUT_OF_SCOPE')
        when roles <> '' and asked_role <> all (string_to_array(roles, ',')) then rule.bit('ROLE_OUT_OF_SCOPE')
        when clause_roles <> '{}' and not (
                case when asked_role is null then string_to_array(roles, ',') else array[asked_role] end && clause_roles
            ) then rule.bit('ROLE_OUT_OF_SCOPE')
        when clause_direction <> asked_direction then rule.bit('DIRECTION_OUT_OF_SCOPE')
        when clause_hs <> '{}' and asked_hs is not null and not rule.covers(clause_hs, asked_hs) then rule.bit('GOODS_OUT_OF_SCOPE')
        when clause_crossings <> '{}' and asked_crossing is not null
            and not rule.crosses(clause_crossings, asked_crossing) then rule.bit('CROSSING_OUT_OF_SCOPE')
        when clause_modes <> '{}' and lower(asked_mode) <> all (clause_modes) then rule.bit('CROSSING_OUT_OF_SCOPE')
        when state = 'UNCERTAIN' then rule.bit('DATE_UNCERTAIN')
        when state = 'SUSPENDED' then rule.bit('AGREEMENT_SUSPENDED')
        when state = 'TERMINATED' then rule.bit('AGREEMENT_TERMINATED')
        when state = 'NOT_IMPLEMENTED' then rule.bit('AGREEMENT_NOT_IMPLEMENTED')
        when abroad = 'DECISION_AWAITED' then rule.bit('DECISION_AWAITED')
        when abroad = 'UNCERTAIN' then rule.bit('DATE_UNCERTAIN')
        when identifier is null then rule.bit('UNMATCHED_IDENTIFIER')
        when stale then rule.bit('STALE_DATA')
        else rule.bit('IN_FORCE')
    end
$$;

create or replace function rule.met(
    held text, programme text, type text, abroad text, roles text, programmes text[], types text[], clause_roles text[],
    state text, identifier text, stale boolean
) returns int language sql stable as $$
    select rule.met(held, programme, type, abroad, roles, programmes, types, clause_roles, state, identifier, stale,
        null::text, '{}'::text[], '{}'::text[], '{}'::text[], null::text, null::text, null::text, null::text, null::text)
$$;

create function rule.there(
    me text, home text, ours text[], wanted text, theirs text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz,
    asked_role text, asked_direction text, asked_hs text, asked_crossing text, asked_mode text
) returns table (
    outcome text, legal text, operational text, reasons text[], bases rule.basis[], bases_text text
) language sql stable as $$
    select rule.outcome(v.kind, v.bits), rule.legal(v.kind), rule.operational(v.kind, v.bits),
        rule.spelt(v.told),
        case when v.kind = 'proven' then v.bases else '{}' end,
        case when v.kind = 'proven' then v.bases_text else '[]' end
    from (
        select w.bits, w.bases, w.bases_text,
            rule.kind(w.together, w.at_home, w.linked, w.open, w.in_sight, w.bits) as kind,
            rule.told(w.together, w.at_home, w.linked, w.open, w.in_sight, w.bits) as told
        from (
            select ours && theirs as together,
                case when 'VALID' = any (my_statuses) then 0
                    else rule.bit(rule.nearest_miss(my_statuses)) end as at_home,
                case when my_abroad && array['VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN'] then 0
                    else rule.bit(rule.nearest_miss(my_abroad)) end as in_sight,
                p.linked, p.open, p.bits, p.bases, p.bases_text
            from (
                select count(*) > 0 as linked, bool_or(l.open) as open, bit_or(l.bit) as bits,
                    array_agg(
                        row(l.agreement, l.ordinal, l.held, l.since, l.identifier_scheme, l.identifier,
                            l.declaration_box, l.benefits, l.assumed)::rule.basis
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) as bases,
                    '[' || string_agg(rule.basis_text(l.agreement, l.held, l.since), ','
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) || ']' as bases_text
                from (
                    select l.agreement, l.ordinal, l.identifier_scheme, i.identifier, l.declaration_box,
                        l.benefits, l.assumed or s.abroad = 'LISTED' as assumed, s.held, greatest(s.since, l.valid_from) as since,
                        y.consented or not (l.consent_required or my_programmes && laws) as open,
                        case
                            when s.held is not null and not y.consented
                                and (l.consent_required or s.programme = any (laws)) then rule.bit('NO_INFORMATION')
                            else rule.met(s.held, s.programme, s.type, s.abroad, s.roles, l.programmes, l.types, l.roles,
                                l.state, i.identifier,
                                l.max_age_hours is not null and (
                                    select max(r.as_of) from views.list_received r
                                    where r.administration = home and r.recorded_from <= known
                                ) < at - make_interval(hours => l.max_age_hours),
                                l.direction, l.hs, l.crossings, l.modes,
                                asked_role, asked_direction, asked_hs, asked_crossing, asked_mode)
                        end as bit
                    from views.link l
                    left join unnest(my_held, my_programmes, my_types, my_abroad, my_roles, my_from)
                        as s(held, programme, type, abroad, roles, since) on s.abroad in ('VALID', 'LISTED', 'DECISION_AWAITED', 'UNCERTAIN')
                    cross join lateral (
                        select case when l.identifier_scheme is null then me
                            else my_identifiers[array_position(my_schemes, l.identifier_scheme)] end as identifier
                    ) i
                    cross join lateral (
                        select theirs && my_consents as consented
                    ) y
                    where l.kind = 'AEO_MUTUAL_RECOGNITION'
                      and l.to_party = any (theirs) and l.from_party = any (ours)
                      and l.valid_from <= at and (l.valid_to is null or l.valid_to > at)
                      and l.recorded_from <= known and (l.recorded_to is null or l.recorded_to > known)
                    offset 0
                ) l
            ) p
            offset 0
        ) w
        offset 0
    ) v
$$;

create or replace function rule.there(
    me text, home text, ours text[], wanted text, theirs text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz
) returns table (
    outcome text, legal text, operational text, reasons text[], bases rule.basis[], bases_text text
) language sql stable as $$
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, t.bases_text
    from rule.there(me, home, ours, wanted, theirs, laws, my_held, my_programmes, my_types, my_statuses,
        my_abroad, my_roles, my_from, my_schemes, my_identifiers, my_consents, at, known,
        null::text, null::text, null::text, null::text, null::text) t
$$;

reset role;

-- What one clause makes of one authorisation, as the bit of a reason, where consent is not lacking. The conditions
-- are in the order of registry.domain.recognition.
create or replace function rule.met(
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

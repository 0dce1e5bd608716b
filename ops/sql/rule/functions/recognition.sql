-- The rule of recognition for one operator and one territory: one row, always; UNKNOWN with NO_INFORMATION where
-- the operator is unknown at the instant of transaction time.
create or replace function rule.recognition(
    asked_tin text, territory text, at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
) returns table (outcome text, legal text, operational text, reasons text[], bases jsonb)
language sql stable as $$
    select coalesce(v.outcome, 'UNKNOWN'), coalesce(v.legal, 'UNKNOWN'), coalesce(v.operational, 'UNKNOWN'),
           coalesce(v.reasons, array['NO_INFORMATION']),
           coalesce((
               select jsonb_agg(jsonb_build_object(
                          'agreement', b.agreement, 'ordinal', b.ordinal, 'authorisation', b.authorisation,
                          'since', b.since, 'identifierScheme', b.identifier_scheme,
                          'identifier', b.identifier, 'declarationBox', b.declaration_box,
                          'benefits', to_jsonb(b.benefits), 'assumed', b.assumed) order by b.place)
               from unnest(v.bases) with ordinality as b(agreement, ordinal, authorisation, since,
                    identifier_scheme, identifier, declaration_box, benefits, assumed, place)
           ), '[]'::jsonb)
    from (select 1) one
    left join views.operator o on o.tin = asked_tin and o.registered <= known
    left join lateral rule.verdicts(o.tin, o.administration, territory, at, known,
        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) v on o.tin is not null
$$;

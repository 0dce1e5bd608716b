-- The rule of recognition into one territory, with the consignment asked about: one row. What does not depend on the
-- operator is computed once by a caller that asks about many: `ours`, its home and the blocs of that instant;
-- `theirs`, the territory and its blocs; `laws`, what rule.consent_laws gives. The parameters that begin
-- with my_ are what the operator holds, as in its row of views.operator or from rule.held.
create or replace function rule.there(
    me text, home text, ours text[], wanted text, theirs text[], laws text[],
    my_held text[], my_programmes text[], my_types text[], my_statuses text[],
    my_abroad text[], my_roles text[], my_from timestamptz[], my_schemes text[], my_identifiers text[],
    my_consents text[], at timestamptz, known timestamptz,
    asked_role text default null, asked_direction text default null, asked_hs text default null,
    asked_crossing text default null, asked_mode text default null
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
            select ours && theirs as together, rule.shortfall(my_statuses, array['VALID']) as at_home,
                rule.shortfall(my_abroad, rule.counted_abroad()) as in_sight, p.*
            from (
                select count(*) > 0 as linked, bool_or(l.consented or not l.asks) as open, bit_or(l.bit) as bits,
                    array_agg(
                        row(l.agreement, l.ordinal, l.held, l.since, l.identifier_scheme, l.identifier,
                            l.declaration_box, l.benefits, l.assumed)::rule.basis
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) as bases,
                    '[' || string_agg(l.basis_text, ','
                        order by l.agreement collate "C", l.ordinal, l.held collate "C", l.since
                    ) filter (where l.bit & rule.proven() <> 0) || ']' as bases_text
                from (
                    select c.*, y.consented,
                        case when c.asks_of_this and not y.consented then rule.bit('NO_INFORMATION') else c.met end as bit
                    from rule.clauses(me, home, ours, laws, my_held, my_programmes, my_types, my_abroad, my_roles,
                        my_from, my_schemes, my_identifiers, at, known,
                        asked_role, asked_direction, asked_hs, asked_crossing, asked_mode) c
                    cross join (
                        select rule.consented(g.general, g.each, '+' = any (my_consents)
                            and theirs && rule.adequate(my_programmes, laws), theirs && my_consents) as consented
                        from rule.consent_kinds(my_programmes, laws) g
                        offset 0
                    ) y
                    where c.to_party = any (theirs)
                    offset 0  -- optimisation fence, here and below: computed once and then read several times
                ) l
            ) p
            offset 0
        ) w
        offset 0
    ) v
$$;

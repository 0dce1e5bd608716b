-- The rule of recognition into one territory without a consignment: an overload of rule.there.
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

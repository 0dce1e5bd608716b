-- A list of operators by a part of the name. Row-level security takes its decision on every operator before the name is
-- compared, because no comparison may see a row that the subject does not: a partner who typed a name waited for as many
-- decisions as the register has operators. As the owner the names are compared first, which costs a hundredth of it, and
-- the decision is taken on those that are found.
set local role aeo_owner;

-- The TINs of operators of which some record of the particulars has these words, folded as the column is, in the name;
-- possibly repeated, at most `most`. The rows of these operators are read by the policies of the subject, as any are.
--
-- So that the time does not tell how many of few names are hidden from the subject, the decision is taken twenty times
-- at least: on an operator that does not exist where fewer are found.
create function access.named(words text, most int) returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    found text[] := array(
        select p.tin from views.particulars p where strpos(p.folded collate "C", words) > 0 limit most);
begin
    perform access.nothing_of('-' || n) from generate_series(cardinality(found) + 1, 20) n;
    return query select f from unnest(found) f;
end
$$;
revoke execute on function access.named(text, int) from public;
grant execute on function access.named(text, int) to aeo_reader, aeo_auditor;

reset role;

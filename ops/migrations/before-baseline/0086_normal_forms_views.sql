-- Names and numbers beside the form in which they were given: the one in which they are compared, kept by the
-- projection (registry/texts.py, registry/identifiers.py), so that no locale of a database has a say in it.
-- NULL until the rows are derived anew, which `up` and `migrate` do after this file.
set local role aeo_owner;
set local search_path = views;

alter table particulars add column folded text;   -- name and local name, two blanks between
alter table identifier add column normal text;    -- of the number, by its scheme
create index identifier_normal on identifier (normal, scheme);
alter table programme add column words text;      -- everything that a search looks in
-- Which release of Unicode the normal forms are of.
alter table derivation add column unicode text;

reset role;

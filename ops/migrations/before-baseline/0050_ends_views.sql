-- An operator's row answers by itself until an end comes that was said in advance: of its term, or of a
-- suspension. NULL: no such end. The clerk's record of the end writes the row anew.
set local role aeo_owner;
set local search_path = views;

alter table operator add column if not exists settled_until timestamptz;

reset role;

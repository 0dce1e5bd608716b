-- A rule of a programme has three states: a value with its source, none with its source, unknown. Rows
-- that were projected before this migration are values. `value` of the two others is the word of the
-- state in small letters, so that a reader of values alone is never told a number that nobody gave.
set local role aeo_owner;
set local search_path = views;

alter table programme_rule add column state text not null default 'VALUE'
    check (state in ('VALUE', 'NONE', 'UNKNOWN'));

reset role;

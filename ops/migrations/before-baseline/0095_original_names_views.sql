-- What agreements, documents, measures and goals are called in their own languages; a short passage
-- of the original; and the editor's notes apart from the text.
set local role aeo_owner;
set local search_path = views;

alter table agreement add column titles jsonb not null default '{}';
alter table agreement add column names jsonb not null default '{}';
alter table document add column titles jsonb not null default '{}';
alter table document add column language text;
alter table document add column measure_names jsonb not null default '{}';
alter table document add column quotation text;
alter table document add column note text;
alter table target add column quotation text;
alter table target add column note text;

reset role;

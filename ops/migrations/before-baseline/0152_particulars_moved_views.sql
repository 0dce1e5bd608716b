-- The feed with details tells where an operator comes to have another name, other roles or numbers: by an
-- event, or because the day has come from which it was told ahead.
set local role aeo_owner;
set local search_path = views;

create index if not exists particulars_position on particulars (position);
create index if not exists particulars_begin on particulars (valid_from) where valid_from > recorded_from;
create index if not exists identifier_begins on identifier (valid_from) where valid_from > recorded_from;
create index if not exists identifier_ends on identifier (valid_to) where valid_to > recorded_from;

reset role;

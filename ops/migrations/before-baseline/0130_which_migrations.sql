-- Which migrations a database has is asked by every program that begins to use it, with whatever
-- login: one of an earlier or a later release says so, and does not fail at its first statement.
grant select on public.migration to public;

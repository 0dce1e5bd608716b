-- Which migrations a database has: `migrate` creates the table and records each file. Every login may read it, so
-- that a program of another release says so, and does not fail at its first statement.
grant select on public.migration to public;

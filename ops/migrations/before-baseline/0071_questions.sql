-- Of a question of recognition the look says what was asked and what was answered, so that it can be
-- told later which answers would be others today. Looks that were kept before have none of it.
set local role aeo_owner;

alter table access.read_log
    add column territory text,           -- in which recognition was asked
    add column law_at timestamptz,       -- the instant whose law was asked for
    add column known_at timestamptz,     -- only what was known by then counted
    add column consignment jsonb,        -- what was said of it: role, direction, hs, crossing, mode
    add column outcomes text[],          -- of each of tins, as it was told; null where it was not asked for
    add column position bigint;          -- the read models showed everything up to it, at least
create index read_log_questions on access.read_log (territory, number) where territory is not null;

reset role;

-- Indexes for the filters of the list of operators: by the day on which an authorisation ends, by a deadline that
-- is not answered, and by the last event of an operator. (An identifier is found by identifier_normal.)
set local role aeo_owner;
set local search_path = views;

create index if not exists status_period_ends on status_period (valid_until, tin) where valid_until is not null;
create index if not exists deadline_unanswered on deadline (due, tin) where met_at is null and not dropped;
create index if not exists deadline_over on deadline (over_at, tin) where met_at is null and not dropped;
create index if not exists deadline_answered on deadline (met_at, tin) where met_at is not null and not dropped;
create index if not exists operator_position on operator (position, tin);

reset role;

-- The calendar of deadlines reads those of a month, answered or not.
set local role aeo_owner;

create index deadline_due on views.deadline (due, tin, ordinal) where not dropped;

reset role;

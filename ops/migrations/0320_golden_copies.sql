-- What golden copies and their edges ask for. Which operators change because time passes, without an event: by the
-- instant from which their row is current, and by the one at which that ends. And each look that an edge hands back
-- is kept once, however often it is handed back.
set local role aeo_owner;

create index operator_settled on views.operator (settled);
create index operator_settled_until on views.operator (settled_until) where settled_until is not null;
create unique index read_log_edge_looks on access.read_log (request) where operation = 'edge';

reset role;

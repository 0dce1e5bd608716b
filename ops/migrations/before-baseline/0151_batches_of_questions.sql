-- A batch of declarations is one look at many operators, each asked about on an instant and with a
-- consignment of its own: of each of tins, in the order of tins. Null where the look says it of all.
set local role aeo_owner;

alter table access.read_log
    add column law_ats timestamptz[],
    add column consignments jsonb[];

reset role;

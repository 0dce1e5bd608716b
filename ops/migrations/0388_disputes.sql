-- Disputes: what an operator, or another administration, says is wrong about the operator, and what became of it.
set local role aeo_owner;

-- A dispute. It decides nothing: no status and no recognition changes by it.
create table views.dispute (
    tin text not null,                   -- The operator
    dispute uuid not null,               -- The id of the command that opened it
    administration text not null,        -- The home administration of the operator, which answers
    opened_by text,                      -- The administration that opened it; null: the operator itself
    kind text not null,                  -- NOT_US, WRONG_RECORD or NOT_RECOGNISED
    statement text not null,             -- What is said to be wrong
    event bigint,                        -- The position of the operator's event that is meant
    receipt uuid,                        -- The receipt that is meant
    territory text,                      -- Where the operator is not recognised
    answer_due date,                     -- The last civil day, in the home time zone, for an answer; null: none is set
    overdue_from timestamptz,            -- The end of that day
    answer text,                         -- The latest answer of the home customs
    answered_at timestamptz,             -- When it answered first (transaction time)
    state text not null,                 -- OPEN, UPHELD, REJECTED or WITHDRAWN
    reason text,                         -- Why it was closed or withdrawn
    recorded_from timestamptz not null,  -- When it was opened (transaction time)
    recorded_to timestamptz,             -- When it was closed or withdrawn (transaction time)
    position bigint not null,            -- The position of the event that opened it
    position_to bigint,                  -- The position of the event that closed it
    primary key (tin, dispute)
);
create index dispute_open on views.dispute (administration, position) where state = 'OPEN';
create index dispute_opener on views.dispute (opened_by, position) where opened_by is not null;

grant select on views.dispute to aeo_reader, aeo_auditor, aeo_projector;
grant insert, update, delete, truncate on views.dispute to aeo_projector;

-- The operator, its home customs, auditors, and the administration that opened it.
create policy dispute_of_subject on views.dispute for select to aeo_reader using (
    (select access.sees_all()) or access.home_of(tin) = (select access.own_home())
    or access.home_of(tin) = any ((select access.own_homes())::text[]) or tin = (select access.own_tin())
    or (opened_by = (select access.subject(2)) and (select access.subject(1)) in ('partner', 'officer'))
);
create policy dispute_of_projector on views.dispute to aeo_projector using (true) with check (true);
create policy dispute_of_auditor on views.dispute for select to aeo_auditor using (true);
alter table views.dispute enable row level security;

reset role;

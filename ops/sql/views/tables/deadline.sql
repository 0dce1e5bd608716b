-- The deadlines of decisions: due days are civil days of the home administration, and the instants beside them
-- follow from its time zone. Hash-partitioned by TIN in eight parts.
create table views.deadline (
    tin text not null,                       -- The operator
    authorisation text not null,             -- The reference of the authorisation
    what text not null,                      -- Which date or deadline it is
    due date,                                -- The day on which it is due; null: nobody knows
    rule text not null,                      -- The rule that it follows from
    met_on date,                             -- The day on which it was met
    dropped boolean not null,                -- What it was for came to an end first
    ordinal int not null,                    -- Its place among several
    over_at timestamptz,                     -- When the due day has ended in the home administration's zone
    met_at timestamptz,                      -- When the day on which it was answered began there
    primary key (tin, ordinal)
) partition by hash (tin);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table views.deadline_%s partition of views.deadline for values with (modulus 8, remainder %s)', part, part
        );
        execute format('grant select on views.deadline_%s to aeo_reader, aeo_auditor', part);
        execute format('grant select, insert, update, delete, truncate on views.deadline_%s to aeo_projector', part);
    end loop;
end
$$;

create index deadline_open on views.deadline (due, tin) where met_on is null and not dropped;
create index deadline_unanswered on views.deadline (due, tin) where met_at is null and not dropped;
create index deadline_over on views.deadline (over_at, tin) where met_at is null and not dropped;
create index deadline_answered on views.deadline (met_at, tin) where met_at is not null and not dropped;

grant select on views.deadline to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.deadline to aeo_projector;

-- The rules of a programme (periods, deadlines, consent), bitemporal. A rule has three states: a value with its
-- source, none with its source, unknown. `value` of the last two is the state in small letters, so that a reader
-- of values alone is never given a number that nobody gave.
create table views.programme_rule (
    programme text not null,                 -- The programme
    rule text not null,                      -- The rule that it follows from
    value text not null,                     -- The value
    unit text,                               -- The unit of the value
    begins date,                             -- As the law says it; valid_from is the same as an instant
    ends date,                               -- The last civil day
    valid_from timestamptz not null,         -- Valid time: the instant from which the row counts in law
    valid_to timestamptz,                    -- Valid time: the instant at which it ends; null: no end is known
    source text not null,                    -- Where it is known from
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    -- The state of the row's fact, as a code
    state text not null default 'VALUE' check (state in ('VALUE', 'NONE', 'UNKNOWN'))
);

create index programme_rule_key on views.programme_rule (programme, rule, valid_from, recorded_from);
create index programme_rule_consent on views.programme_rule (programme) where rule = 'sharing_consent';
create index programme_rule_adequate on views.programme_rule (programme) where starts_with(rule, 'adequate.');

grant select on views.programme_rule to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.programme_rule to aeo_projector;

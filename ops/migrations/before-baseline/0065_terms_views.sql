-- A side's implementation is a term, and a clause applies between intervals of days. `term` numbers the
-- implementations of one side from 1, and `over_at` is the instant by which that term has ended. `hindered_by`: the sides by which a link is not live. `begins_...`
-- and `ends_...`: the civil days between which a clause applies, each as the interval that it lies in
-- (9999-12-31: perhaps never); NULL where it has no such day. Rows that were derived before are derived
-- anew; the defaults only let the columns be added beside them.
set local role aeo_owner;
set local search_path = views;

alter table dated add column term int, add column over_at timestamptz;
alter table link
    add column hindered_by text[] not null default '{}',
    add column begins_earliest date,
    add column begins_latest date,
    add column ends_earliest date,
    add column ends_latest date;

reset role;

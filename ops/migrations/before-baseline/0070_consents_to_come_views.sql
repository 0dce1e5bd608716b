-- The feed tells that an operator is hidden, or is not any more, when the day of a consent comes that
-- was given or withdrawn ahead of it. Those consents are few, and are found by their day.
set local role aeo_owner;
set local search_path = views;

create index if not exists consent_begins on consent (valid_from) where valid_from > recorded_from;
create index if not exists consent_ends on consent (valid_to) where valid_to > recorded_from;

reset role;

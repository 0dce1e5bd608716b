-- The rule of recognition and what else the fast path computes, as functions without state. Arguments `at` (valid
-- time) and `known` (transaction time) are instants in UTC.
create schema rule authorization aeo_owner;

grant usage on schema rule to aeo_auditor, aeo_projector, aeo_reader;

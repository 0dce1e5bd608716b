-- The continuous comparison of the read models with the events.
create schema checks authorization aeo_owner;

grant usage on schema checks to aeo_auditor, aeo_projector, aeo_reader;

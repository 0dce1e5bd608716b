-- The log of who asked what.
create schema access authorization aeo_owner;

grant usage on schema access to aeo_auditor, aeo_erasure, aeo_reader, aeo_writer;

-- Names and addresses of natural persons, sealed and erasable. Subjects and auditors cannot reach them.
create schema person authorization aeo_owner;

grant usage on schema person to aeo_erasure, aeo_writer;

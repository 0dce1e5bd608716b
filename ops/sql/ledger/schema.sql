-- The register itself: events and commands, append-only.
create schema ledger authorization aeo_owner;

grant usage on schema ledger to aeo_auditor, aeo_projector, aeo_signer, aeo_writer;

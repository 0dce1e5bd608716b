-- The transparency log (a Merkle tree as of RFC 6962, in C2SP tiles) of the events.
create schema proof authorization aeo_owner;

grant usage on schema proof to aeo_auditor, aeo_projector, aeo_reader, aeo_signer, aeo_writer;

"""The application layer: one entry for every command, with dispatch, idempotency, retries and an aggregate cache."""

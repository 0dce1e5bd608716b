"""The application layer.

One entry for every command, with dispatch, idempotency, retries and an aggregate cache.
"""

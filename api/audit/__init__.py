"""Audit bundles.

Events, proofs and the expected state of the read models, in one deterministic archive.
"""

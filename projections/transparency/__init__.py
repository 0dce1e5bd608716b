"""The transparency log in the database.

The integrator and the verification before a checkpoint is signed.
"""

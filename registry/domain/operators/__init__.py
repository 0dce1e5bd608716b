"""The operator aggregate.

Its events, its decisions, and its timeline on valid time and transaction time.
"""

"""Checks that the read models agree with the events."""

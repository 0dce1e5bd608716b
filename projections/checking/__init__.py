"""Checks that the read models are what the events say."""

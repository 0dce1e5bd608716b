"""Answers about the past.

The read models of an earlier moment, differences, divergences, and the change feed.
"""

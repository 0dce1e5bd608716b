"""Answers about the past: the read models of an earlier moment, differences, divergences, and the change feed."""

"""Metrics and structured log lines."""

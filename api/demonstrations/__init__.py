"""Demonstrations: what the program promises, shown on this machine and timed."""

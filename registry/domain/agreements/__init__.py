"""The agreement aggregate: its events, its decisions, the terms of each side, and its timeline."""

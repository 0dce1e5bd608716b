"""The operator aggregate: its events, its decisions, and its timeline on valid time and transaction time."""

"""Read models: what the register states now, and what it stated at an earlier time."""

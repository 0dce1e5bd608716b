"""The operator aggregate: events, decisions, and the timeline in valid and transaction time."""

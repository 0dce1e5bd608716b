"""The agreement aggregate: events, decisions, the terms of each side, and the timeline."""

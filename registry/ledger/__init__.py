"""The event store: the recorder, group commit, serialisation of events, and database management."""

"""The event store: the recorder, group commit, the encoding of events, and the database itself."""

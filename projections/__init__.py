"""Read models: what the register says today, and said then."""

"""What may be read, and how: one file a noun, each a few SELECTs with their visibility inside."""

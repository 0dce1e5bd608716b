"""The demo data: the data set that is delivered with the program, and synthetic operators."""

"""The data set that is delivered with the program, and the synthetic population of operators."""

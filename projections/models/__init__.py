"""The read models: one module for each model, and the catalogue of their tables."""

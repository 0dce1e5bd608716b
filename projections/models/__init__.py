"""The read models: one module a model, and the catalogue of their tables."""

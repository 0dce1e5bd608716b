"""The transparency log in the database: the integrator and the verification before a checkpoint is signed."""

"""minidecomp beside PyTorch and JAX on the same work: ``python -m benchmarks``. Run by hand; no test depends on it."""

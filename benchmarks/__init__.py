"""Compare minidecomp with PyTorch and JAX on the same work: ``python -m benchmarks``. No test depends on it."""

"""The compiled engines and what they are built on; use them through minidecomp/engines."""

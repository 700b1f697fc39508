"""The model: its networks, its parameters and their optimiser."""

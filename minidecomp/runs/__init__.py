"""Runs on disk: the folder, the checkpoint, several side by side."""

"""Runs on disk: the folder, the checkpoint, and comparisons of several runs."""

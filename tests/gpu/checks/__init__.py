"""The parts of ``check.py``: each runs as ``python -m checks.NAME OUT.json SECONDS`` and writes what it finds."""

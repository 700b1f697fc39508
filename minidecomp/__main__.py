"""``python -m minidecomp`` is the same as ``minidecomp``."""

from .cli import run

if __name__ == "__main__":
    run()

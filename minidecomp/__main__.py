"""``python -m minidecomp`` is ``minidecomp``."""

from .cli import run

if __name__ == "__main__":
    run()

"""An engine that waits for the next call: making one takes about as long as encoding a point."""

from __future__ import annotations

from typing import Any

from ..engines import Engine
from ..model.vae import VAE

ROWS = 16  # what an engine that waits has room for; a call with more rows makes its own


class Spare:
    """Holds one engine, or none.

    A call takes the engine out and puts it back at its end, so that calls of several threads never share one. Copies
    and pickles begin without one.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Engine, Any]] = []

    def take(self, vae: VAE) -> Engine | None:
        """The engine, if there is one and it computes with the present parameters of this very model."""
        try:
            engine, vector = self._waiting.pop()
        except IndexError:
            return None
        return engine if engine.vae is vae and vector is vae.parameters.vector else None

    def put_back(self, engine: Engine) -> None:
        """Let the engine wait for the next call."""
        self._waiting[:] = [(engine, engine.vae.parameters.vector)]

    def __reduce__(self) -> tuple[Any, ...]:
        return Spare, ()

"""TensorBoard: an event file in ``RUN/tensorboard``, written with TensorBoard's own writer, without TensorFlow.

A continued run writes a new file with all of its epochs, and then deletes the old one, so that each epoch occurs once.
The START mark makes a running TensorBoard forget what it has read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import packages
from ..files import make_folder
from .logger import About, Epoch, Logger

ENDING = ".minidecomp"  # of our files; files of other programs are left alone


def missing() -> str | None:
    """Why TensorBoard cannot be used; None if it can."""
    return packages.missing("tensorboard.summary.writer.record_writer", "minidecomp[tensorboard]", "TensorBoard")


class TensorBoard:
    """One event file."""

    def __init__(self, about: About, epochs: Sequence[Epoch]):
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder = make_folder(about.folder / "tensorboard")
        older = list(folder.glob(f"*{ENDING}"))
        self._file = open(folder / f"events.out.tfevents.{time.time_ns():020d}{ENDING}", "xb")  # noqa: SIM115 (close closes it)
        self._writer = RecordWriter(self._file)
        begun = epochs[0].time if epochs else time.time()
        self._add(begun, file_version="brain.Event:2")
        self._add(begun, step=1, session_log={"status": 1})  # START
        self._add(begun, summary=hparams_pb(dict(about.options), about.name, begun))
        self._add(begun, summary=_table(about.options))
        self.write(epochs)
        for path in older:
            path.unlink()

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add one event per epoch."""
        for epoch in epochs:
            self._add(epoch.time, step=epoch.number, summary=_scalars(epoch.values))
        self._writer.flush()

    def end(self, epoch: int, values: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Add the numbers as scalars, and the pictures as images."""
        self._add(time.time(), step=epoch, summary=_scalars(values))
        for path in pictures:
            self._add(time.time(), step=epoch, summary=_image(path))
        self._writer.flush()

    def close(self, finished: bool) -> None:
        """Close the file."""
        self._writer.close()

    def _add(self, moment: float, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=moment, **content).SerializeToString())


def _scalars(values: Mapping[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _table(options: Mapping[str, Any]) -> Any:
    """The options as a table, which TensorBoard shows as text."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    lines = ["| option | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in options.items())]
    text = TensorProto(dtype=DT_STRING, string_val=["\n".join(lines).encode()])
    metadata = create_summary_metadata(display_name="", description="")
    return Summary(value=[Summary.Value(tag="options", metadata=metadata, tensor=text)])


def _image(path: Path) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    content = path.read_bytes()
    width, height = (int.from_bytes(content[first : first + 4], "big") for first in (16, 20))  # in a PNG's header
    image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=content)
    return Summary(value=[Summary.Value(tag=path.stem, image=image)])


LOGGER = Logger("tensorboard", missing, TensorBoard)

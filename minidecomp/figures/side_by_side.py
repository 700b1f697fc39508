"""Two processes that share the pictures of a run: matplotlib draws one at a time, however many cores there are."""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import takewhile
from typing import Any, NoReturn

from ..settings.options import cores

PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal that a process gets when its parent ends
LEAST_WAIT, WAIT = 10.0, 5.0  # seconds, and times as long as our own share took, until the helper counts as stuck


def results_of(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """What the tasks return, in their order; where it is safe, a copy of this process does some of them.

    What the copy could not do, for whatever reason, is done here, so that errors are those of a single process.
    """
    done: dict[int, Any] = {}
    with ExitStack() as ends:
        helper = None
        if len(tasks) > 1 and _may_fork():
            with suppress(OSError):  # no process, no memory or no descriptor is left
                numbers = ends.enter_context(_Numbers(len(tasks)))
                helper = ends.enter_context(_Helper(tasks, numbers))
        if helper is not None:
            begun = time.monotonic()
            done |= {i: tasks[i]() for i in numbers}
            done |= helper.results(LEAST_WAIT + WAIT * (time.monotonic() - begun))
    return [done[i] if i in done else task() for i, task in enumerate(tasks)]


def _may_fork() -> bool:
    """Whether a copy of this process is of use and works: other threads, and a GPU, do not survive in it."""
    alone = threading.active_count() == 1 and "cupy" not in sys.modules
    return sys.platform == "linux" and alone and cores() > 1


class _Numbers:
    """The tasks' numbers, each of which is given out once, to whichever process asks first."""

    def __init__(self, count: int) -> None:
        self._out, self._in = os.pipe()
        os.write(self._in, bytes(range(count)))
        os.close(self._in)

    def __iter__(self) -> Iterator[int]:
        while number := os.read(self._out, 1):
            yield number[0]

    def __enter__(self) -> _Numbers:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._out)


class _Helper:
    """A copy of this process that does tasks until no number is left, says nothing, and ends."""

    def __init__(self, tasks: Sequence[Callable[[], Any]], numbers: _Numbers) -> None:
        self._numbers = numbers
        self._answer, answer = os.pipe()
        # An interruption during the fork would be lost in what Python does there.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # the core's idle threads, which no task needs
                parent, self._id = os.getpid(), os.fork()
            if self._id == 0:
                _work(tasks, numbers, answer, parent, mask)
        except BaseException:
            os.close(self._answer)
            raise
        finally:
            os.close(answer)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def results(self, limit: float) -> dict[int, Any]:
        """What it has done, by number; nothing if it has failed, or has not ended within so many seconds."""
        parts = []
        end = time.monotonic() + limit
        answers = select.poll()
        answers.register(self._answer, select.POLLIN)
        while answers.poll(max(0.0, 1000 * (end - time.monotonic()))):
            parts.append(os.read(self._answer, 1 << 16))
            if not parts[-1]:
                with suppress(EOFError, pickle.UnpicklingError):  # it failed
                    return dict(pickle.loads(b"".join(parts)))
                return {}
        os.kill(self._id, signal.SIGKILL)
        return {}

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        for _ in self._numbers:  # after an error here it begins no further task
            pass
        if error is not None:
            self.results(LEAST_WAIT)
        os.close(self._answer)
        with suppress(ChildProcessError):  # where the user's program ignores the ends of its processes
            os.waitpid(self._id, 0)


def _work(
    tasks: Sequence[Callable[[], Any]], numbers: _Numbers, answer: int, parent: int, mask: Iterable[int]
) -> NoReturn:
    """The helper's life. It ends without clean-up: whatever there is to clean up belongs to the process it copies.

    It has that process's locks, so it ends with it, or at least after the task in hand.
    """
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        with suppress(Exception):  # a C library without it
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        done = {i: tasks[i]() for i in takewhile(lambda _: os.getppid() == parent, numbers)}
        with os.fdopen(answer, "wb") as file:
            pickle.dump(done, file)
    except BaseException:  # an interruption, too: the other process has it as well
        os._exit(1)
    os._exit(0)

"""How a command line runs, and how an error reaches a person: one line on stderr and an exit code.

Only Python's own modules are imported before ``main`` is ready to turn an interruption into a line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

DEBUG = "MINIDECOMP_DEBUG"
STREAMS = ("stdin", "stdout", "stderr")


def run(args: list[str] | None = None) -> None:
    """The console script: ``main`` in a process of its own, which may change its streams and signals."""
    import signal

    try:
        _open_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):  # a stream of another kind
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        code = main(args)
    except KeyboardInterrupt:  # a second one, while the line about the first was written
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interruption needs no message any more
    _drop_what_cannot_be_written()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open the null device in place of a closed standard stream: otherwise the next file would get its number."""
    for name in STREAMS:
        if getattr(sys, name) is None:
            stream = open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)


def _drop_what_cannot_be_written() -> None:
    """Discard what cannot be written; otherwise Python complains about it when it exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 (a fault while running), 2 (wrong use), 130 (Ctrl-C)."""
    try:
        return _run(args)
    except (Exception, KeyboardInterrupt) as error:
        message, code = _verdict(error)
        return _complain(message, code)


def _run(args: Sequence[str] | None) -> int:
    import click

    from .group import cli
    from .program import program

    words = list(sys.argv[1:] if args is None else args)
    _refuse_what_is_not_text(words)
    try:
        # Not click's own main: it replaces the process's streams if a pipe breaks, and mistakes the end of a damaged
        # file for Ctrl-C.
        with cli.make_context(program(), words) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as end:
        code = end.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code or 0


def _refuse_what_is_not_text(words: Sequence[str]) -> None:
    """Raise MinidecompError for a word that our files cannot record: one that is not UTF-8 or has a zero byte."""
    from minidecomp.errors import MinidecompError, is_text

    for word in words:
        if not is_text(word):
            raise MinidecompError(f"{word}: names must be UTF-8 without zero bytes")


def _verdict(error: BaseException) -> tuple[str, int]:
    """An error's line, which is empty if there is nothing to say, and the exit code."""
    from minidecomp.errors import MinidecompError, on_command_line

    if isinstance(error, MinidecompError):
        return on_command_line(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}", 1
    if isinstance(error, OSError):
        return _of_the_system(error), 1
    if isinstance(error, ModuleNotFoundError) and str(error.name).startswith("minidecomp._core"):
        return "the compiled core is missing or was built for another Python; install minidecomp again", 1
    if isinstance(error, ModuleNotFoundError) and error.name in ("numpy", "scipy"):
        return f"{error.name} is not installed; run: pip install {error.name}", 1
    return _of_click(error) or (_unforeseen(error), 1)


def _of_the_system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    if not _came_while_printing(error):
        return reason
    # The program that read our output has closed the pipe: say nothing.
    return "" if isinstance(error, BrokenPipeError) else f"standard output: {reason}"


def _came_while_printing(error: BaseException) -> bool:
    """Whether the error comes from click, which prints, or from the flush at the end."""
    name, traceback = "", error.__traceback__
    while traceback is not None:
        name, traceback = traceback.tb_frame.f_globals.get("__name__", ""), traceback.tb_next
    return name == __name__ or name.partition(".")[0] == "click"


def _of_click(error: BaseException) -> tuple[str, int] | None:
    import click

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return "", 2
    if isinstance(error, click.Abort):
        return "interrupted", 130
    if not isinstance(error, click.ClickException):
        return None
    from .usage import in_our_words

    return in_our_words(error), 2


def _unforeseen(error: BaseException) -> str:
    """An error that we did not foresee, and how to report it."""
    if os.environ.get(DEBUG) == "1":
        import traceback

        traceback.print_exc()
        how = "please report it with the traceback above"
    else:
        how = f"please report it with the command and with what it prints under {DEBUG}=1"
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"internal error ({reason}); {how}"


def _complain(message: str, exit_code: int) -> int:
    from minidecomp.errors import printable

    from .program import as_typed

    if message and sys.stderr is not None:
        text = printable(f"minidecomp: {as_typed(message.strip())}", getattr(sys.stderr, "encoding", None) or "utf-8")
        with suppress(OSError, ValueError):  # nobody reads stderr
            print(text, file=sys.stderr, flush=True)
    return exit_code

"""Checks the GPU engine on a machine with an NVIDIA device and writes what a person must decide; see README.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # for the benchmarks

from checks import report
from checks.running import Outcome, limits, read_results, run, write_results


@dataclass(frozen=True)
class Part:
    """A part of the check: the module of ``checks`` that does it, and its share of the time."""

    name: str
    title: str
    share: float


PARTS = (
    Part("machine", "the machine", 0.5),
    Part("tests", "the tests", 3),
    Part("profile", "the launches of a step", 1.5),
    Part("ladders", "where one way overtakes another", 1.5),
    Part("sanitizer", "compute-sanitizer", 2),
    Part("benchmark", "the benchmark", 3),
)
NAMES = [part.name for part in PARTS]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python tests/gpu/check.py", description=__doc__)
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path("gpu-check"), help="[gpu-check]")
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="for all parts together [10]")
    parser.add_argument("--parts", metavar="NAME,NAME,..", type=_names, default=NAMES, help=f"[{','.join(NAMES)}]")
    parser.add_argument(
        "--peers", metavar="PYTHON", type=_program, help="the Python that has PyTorch [.venv-peers, or this one]"
    )
    return parser.parse_args(given)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}") from None
    if not 0 < minutes < 1e4:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 10000, not {text}")
    return minutes


def _program(text: str) -> str:
    """Its place, because the parts run in another folder."""
    return shutil.which(text) or str(Path(text).absolute())


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(NAMES)}")
    return names


def main(given: list[str] | None = None) -> int:
    """Run the parts one after another, and write the report after each.

    Returns
    -------
    int
        0 if nothing is wrong, 1 if something is, 2 if there is no device.
    """
    options = arguments(given)
    folder, end = options.out.resolve(), time.monotonic() + 60 * options.minutes
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"--out {options.out} cannot be made: {error.strerror}", file=sys.stderr)
        return 2
    outcomes = read_results(folder)  # of parts that do not run this time
    chosen = [part for part in PARTS if part.name in ("machine", *options.parts)]
    for i, part in enumerate(chosen):
        limit = limits([each.share for each in chosen[i:]], end - time.monotonic())
        if i > 0:
            print(f"{part.title} (at most {limit:.0f} s) ...", flush=True)
        more = ["--peers", options.peers] if part.name == "benchmark" and options.peers else []
        outcomes[part.name] = run(part.name, folder, limit, more)
        if part.name == "machine" and not outcomes[part.name].found.get("machine"):
            print(f"the machine could not be looked at: see {folder / 'machine.log'}", file=sys.stderr)
            return 2
        if reason := missing(outcomes[part.name]):
            print(f"no GPU can be used here: {reason}", file=sys.stderr)
            return 2
        _write(folder, options.out, outcomes)
        print(f"{'  ' if i else ''}{report.in_a_line(part.name, outcomes[part.name])}", flush=True)
    _write(folder, options.out, outcomes)
    print(f"report: {folder / 'report.md'}")
    return 1 if report.problems(outcomes) else 0


def missing(outcome: Outcome) -> str:
    """Why there is no device, if the machine's part says so."""
    return str(outcome.found.get("machine", {}).get("missing", ""))


def _write(folder: Path, given: Path, outcomes: dict[str, Outcome]) -> None:
    write_results(folder, outcomes)
    (folder / "report.md").write_text(report.markdown(outcomes, given.as_posix()), "utf-8")


if __name__ == "__main__":
    sys.exit(main())

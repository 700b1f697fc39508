"""The report: what a person must decide, then all figures in tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import report as of_benchmark
from minidecomp.errors import counted

from .decisions import decisions, in_digits
from .measure import WAYS
from .running import Outcome
from .sanitizer import TOOLS

Outcomes = Mapping[str, Outcome]
TORCH = ("torch_cuda", "torch_cuda_graphs")
MOST_FAILURES = 30


def markdown(outcomes: Outcomes, folder: str) -> str:
    """The whole report; parts that have not run are named."""
    found = {name: outcome.found for name, outcome in outcomes.items()}
    machine = found.get("machine", {}).get("machine", {})
    sections = [
        [f"# The GPU engine on {machine.get('device', 'an unknown device')}, {machine.get('date', 'no date')}"],
        ["## What to decide", *_to_decide(outcomes, folder)],
        ["## The parts", *_parts(outcomes)],
        ["## The machine", *_machine(found.get("machine", {}))],
        ["## The tests", *_tests(found.get("tests", {}))],
        ["## compute-sanitizer", *_sanitizer(found.get("sanitizer", {}))],
        ["## Whole steps", *_steps(found.get("profile", {}))],
        ["## The launches of a step", *_launches(found.get("profile", {}))],
        ["## The MMD", *_mmd(found.get("profile", {}))],
        ["## Where one way overtakes another", *_ladders(found.get("ladders", {}))],
        ["## The benchmark", *_benchmark(found.get("benchmark", {}))],
    ]
    return "\n\n".join("\n\n".join(section) for section in sections) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# ---- what is wrong, and what is to be decided ----


def problems(outcomes: Outcomes) -> list[str]:
    """What is wrong, in a line each: failed tests, findings, and parts that did not end."""
    lines = []
    for name, outcome in outcomes.items():
        if outcome.ended == "crash":
            lines.append(f"The part `{name}` failed; see {name}.log.")
        elif outcome.ended == "time":
            lines.append(f"The part `{name}` did not end in its {outcome.limit:.0f} s: run it with `--parts {name}`.")
    found = {name: outcome.found for name, outcome in outcomes.items()}
    tests, watched = found.get("tests", {}), found.get("sanitizer", {})
    lines += ["No test passed."] if "tests" in found and not tests.get("counts", {}).get("passed") else []
    lines += [f"Failed: `{failure}`" for failure in tests.get("failed", [])[:MOST_FAILURES]]
    more = len(tests.get("failed", [])) - MOST_FAILURES
    lines += [f"{more} more tests failed."] if more > 0 else []
    lines += [_watched(tool, watched[tool]) for tool in TOOLS if tool in watched and _is_wrong(watched[tool])]
    lines += [f"Not measured: {failure}" for failure in found.get("ladders", {}).get("failed", [])]
    return lines


def _is_wrong(watched: Mapping[str, Any]) -> bool:
    return bool(watched["findings"] or watched["exit_code"])


def _watched(tool: str, found: Mapping[str, Any]) -> str:
    count, ended = found["findings"], f"{tool} ended with {found['exit_code']}; see sanitizer.{tool}.log."
    what = f"{tool}: {counted(count, 'finding')}." if count else ended
    return " ".join([what, "; ".join(found["said"][:2])]).rstrip()


def slower(result: Mapping[str, Any]) -> list[str]:
    """The benchmark's rows for which PyTorch is faster."""
    lines = []
    for row in result.get("rows", []):
        for name in TORCH:
            ratio = row["seconds"].get(name, math.inf) / of_benchmark.ours(row)
            if ratio < 1:
                lines.append(f"{row['title']}: {of_benchmark.PEERS[name]} takes {ratio:.2f} of our time.")
    return lines


def _to_decide(outcomes: Outcomes, folder: str) -> list[str]:
    found = {name: outcome.found for name, outcome in outcomes.items()}
    text = _list("Wrong:", problems(outcomes)) or ["Nothing failed."]
    text += ["Constants that rest on measurement:", _constants(found)] if decisions(found) else []
    result = found.get("benchmark", {}).get("result", {})
    text += _list("Rows for which a peer is faster:", slower(result))
    if file := found.get("benchmark", {}).get("file"):
        text += [
            "If the machine did nothing else, commit the benchmark's figures, and put its table into docs/gpu.md:",
            f"```sh\n{_command(folder, file)}\n```",
        ]
    left_out = [f"{name}: {each['left_out']}" for name, each in found.items() if "left_out" in each]
    return text + _list("Left out:", left_out)


def _command(folder: str, file: str) -> str:
    place = f"benchmarks/results/{file}"
    return f"cp {folder}/benchmark-results.json {place} && git add {place}"


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "\n".join(f"- {line}" for line in lines)] if lines else []


def _constants(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for each in decisions(found):
        suggested = f"**{_value(each.suggested)}**" if each.change else "keep"
        lost = [_share(each.lost_now), _share(each.lost_then)]
        rows.append([f"`{each.constant}` in `{each.file}`", _value(each.now), suggested, *lost, each.reason])
    return table(["constant", "now", "suggested", "time lost now", "then", "from"], rows)


def _value(value: float) -> str:
    if value == 0:
        return "0 (below all sizes measured)"
    if math.isinf(value):
        return "above all sizes that were measured"
    return in_digits(value)


def _share(share: float) -> str:
    return "not measured" if math.isnan(share) else f"{share:.1%}"


# ---- the figures ----


def in_a_line(name: str, outcome: Outcome) -> str:
    """What came of a part, as the command prints it."""
    found, ended = outcome.found, {"complete": "", "time": "; it did not end in time", "crash": "; it failed"}
    said = ""
    if name == "machine" and "machine" in found:
        said = f"{found['machine']['device']}, driver {found['machine']['driver']}, CuPy {found['machine']['CuPy']}"
    elif name == "tests":
        said = ", ".join(f"{count} {result}" for result, count in found.get("counts", {}).items())
    elif name == "sanitizer":
        said = ", ".join(f"{tool}: {_findings(found[tool])}" for tool in TOOLS if tool in found)
    elif name == "benchmark":
        said = counted(len(found.get("lines", [])), "row")
    else:
        said = ", ".join(f"{key}: {len(value)}" for key, value in found.items() if isinstance(value, list))
    said = "; ".join(filter(None, [said, str(found.get("left_out", ""))]))
    return f"{said or 'nothing found'} ({outcome.seconds:.0f} s{ended[outcome.ended]})"


def _parts(outcomes: Outcomes) -> list[str]:
    rows = [[name, each.ended, f"{each.seconds:.0f} s", f"{each.limit:.0f} s"] for name, each in outcomes.items()]
    texts = [table(["part", "ended", "took", "limit"], rows)]
    for name, each in outcomes.items():
        if each.last_lines:
            texts.append(f"The end of {name}.log:\n\n```text\n" + "\n".join(each.last_lines) + "\n```")
    return texts


def _machine(found: Mapping[str, Any]) -> list[str]:
    known = found.get("machine", {})
    text = [
        table(["", "value"], [[name, f"{value:,}" if _large(value) else str(value)] for name, value in known.items()])
    ]
    return [*text, f"```text\n{found['version']}\n```"] if "version" in found else text


def _large(value: object) -> bool:
    return isinstance(value, int) and value >= 100_000


def _tests(found: Mapping[str, Any]) -> list[str]:
    counts = found.get("counts", {})
    if not counts:
        return ["None ran."]
    text = [table(["result", "tests"], [[name, str(count)] for name, count in counts.items()])]
    skipped = [[reason, str(count)] for reason, count in found.get("skipped", {}).items()]
    return text + ([table(["skipped because", "tests"], skipped)] if skipped else [])


def _sanitizer(found: Mapping[str, Any]) -> list[str]:
    rows = [[tool, _findings(found[tool]), f"{found[tool]['seconds']:.0f} s"] for tool in TOOLS if tool in found]
    said = [
        f"{tool} says:\n\n```text\n" + "\n".join(found[tool]["said"]) + "\n```"
        for tool, *_ in rows
        if found[tool]["said"]
    ]
    return (
        [table(["tool", "findings", "took"], rows), *said] if rows else [str(found.get("left_out", "It did not run."))]
    )


def _findings(found: Mapping[str, Any]) -> str:
    return "not known: it did not end" if found["findings"] is None else counted(found["findings"], "finding")


def _us(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _steps(found: Mapping[str, Any]) -> list[str]:
    rows = []
    for row in found.get("rows", []):
        launches = [each["microseconds"] for each in row["launches"]]
        ways = [_us(row["steps"].get(way)) for way in WAYS]
        rows.append([row["title"], str(row["batch"]), str(len(launches)), _us(sum(launches)), *ways])
    head = ["step, microseconds", "batch", "launches", "their sum", "as launches", "as graphs", "as one launch"]
    return [table(head, rows)] if rows else ["Not measured."]


def _launches(found: Mapping[str, Any]) -> list[str]:
    text = []
    for row in found.get("rows", []):
        rows = [[each["name"], _us(each["microseconds"])] for each in row["launches"]]
        text += [f"### {row['title']}", table(["launch, in the step's order", "microseconds"], rows)]
    return text or ["Not measured."]


def _mmd(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [str(each["dimensions"]), str(each["points"]), _us(each["pairs"]), _us(each["cells"])]
        for each in found.get("mmd", [])
    ]
    return [table(["dimensions", "points", "over pairs, us", "over cells, us"], rows)] if rows else ["Not measured."]


LADDERS = {  # the title of each, and its columns
    "start": ("A command with a tiny run, in seconds", ("cpu", "gpu", "first")),
    "engines": ("The CPU engine and the GPU engine", ("hidden", "batch", "size", "cpu", "gpu")),
    "products": ("One launch and graphs, by products", ("hidden", "batch", "size", "one launch", "graphs")),
    "pairs": ("One launch and graphs, by pairs", ("dimensions", "batch", "size", "one launch", "graphs")),
    "graphs": ("Steps a graph", ("hidden", "batch", "steps", "graphs", "seconds")),
}


def _ladders(found: Mapping[str, Any]) -> list[str]:
    text = []
    for name, (title, columns) in LADDERS.items():
        rungs = sorted(found.get(name, []), key=lambda each: each.get("size", each.get("steps", 0)))
        if rungs:
            rows = [[_figure(each.get(column)) for column in columns] for each in rungs]
            unit = [] if name == "start" else ["Times are microseconds a step."]
            text += [f"### {title}", *unit, table(columns, rows)]
    return text or ["Not measured."]


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}".replace("e+0", "e") if isinstance(value, float) or value >= 100_000 else str(value)


def _benchmark(found: Mapping[str, Any]) -> list[str]:
    if result := found.get("result"):
        count, threads = counted(result["repetitions"], "repetition"), counted(result["threads"], "thread")
        return [f"Medians of {count}; the CPU engine had {threads}.", of_benchmark.markdown(result)]
    lines = found.get("lines", [])
    return (
        ["It did not end; its rows so far:", "\n".join(f"- {line}" for line in lines)] if lines else ["Not measured."]
    )

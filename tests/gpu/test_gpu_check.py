"""The check for a machine with a device, where there is none: its parts, its rules and its report."""

import json
import math
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from devices import NO_GPU, make_device
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT))  # for the benchmarks

import check  # noqa: E402
from checks import decisions, exercise, ladders, measure, profile, report, running, sanitizer, tests  # noqa: E402
from checks.benchmark import file_name, lines, peers, repetitions  # noqa: E402

from benchmarks.rows import ROWS, Row  # noqa: E402
from minidecomp import resolve  # noqa: E402
from minidecomp._core import codes  # noqa: E402
from minidecomp.engines import gpu_mmd, gpu_program, gpu_small  # noqa: E402
from minidecomp.model import from_options  # noqa: E402
from minidecomp.objective import objective_from  # noqa: E402


def emulated(dtype):
    return make_device("emulated", dtype)


# ---- without a device ----


@pytest.mark.skipif(not NO_GPU, reason="there is a device, for which the check takes ten minutes")
def test_without_a_device_one_line_says_why(own_folder):
    log = own_folder / "log"
    code, _ = running.run_for([sys.executable, str(HERE / "check.py"), "--out", str(own_folder / "found")], log, 60)
    (line,) = log.read_text().splitlines()
    assert code == 2 and line.startswith("no GPU can be used here: ") and NO_GPU in line


@pytest.mark.parametrize(
    "given", [["--minutes", "0"], ["--minutes", "nan"], ["--minutes", "ten"], ["--parts", "tests,speed"]]
)
def test_wrong_use_ends_with_two(given, capsys):
    with pytest.raises(SystemExit) as ended:
        check.arguments(given)
    assert ended.value.code == 2 and given[0] in capsys.readouterr().err


# ---- parts in processes of their own ----


@pytest.fixture
def a_part(own_folder, monkeypatch):
    """Runs a text as a part."""

    def run(text, limit=30.0):
        (own_folder / "checks").mkdir()
        (own_folder / "checks" / "__init__.py").touch()
        (own_folder / "checks" / "running.py").write_text((HERE / "checks" / "running.py").read_text())
        top = "import os, subprocess, sys, time\nfrom checks.running import of_command_line\n"
        (own_folder / "checks" / "part.py").write_text(f"{top}findings, _ = of_command_line()\n{text}\n")
        monkeypatch.setattr(running, "HERE", own_folder)
        return running.run("part", own_folder, limit)

    return run


def test_what_a_complete_part_finds(a_part):
    outcome = a_part("findings.add('rows', findings.left)")
    assert outcome.ended == "complete" and outcome.last_lines == []
    assert 0 < outcome.found["rows"][0] < 30 - running.SPARE


def test_a_part_that_crashes_leaves_what_it_had_found(a_part):
    outcome = a_part("findings.add('rows', 1)\nprint('before', flush=True)\nos.abort()")
    assert (outcome.ended, outcome.found) == ("crash", {"rows": [1]})
    assert "before" in outcome.last_lines


def test_a_part_that_hangs_is_ended_with_what_it_started(a_part, own_folder, monkeypatch):
    monkeypatch.setattr(running, "GRACE", 0.2)
    child = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(100)"
    start = f"subprocess.Popen([sys.executable, '-c', {child!r}], cwd={str(own_folder)!r})"
    hang = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); findings.add('rows', 1); time.sleep(100)"
    outcome = a_part(f"{start}\nwhile not os.path.exists({str(own_folder / 'child')!r}): time.sleep(0.01)\n{hang}", 2.0)
    assert (outcome.ended, outcome.found) == ("time", {"rows": [1]})
    pid = int((own_folder / "child").read_text())
    end = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_part_that_says_that_time_is_over_is_not_complete(a_part):
    outcome = a_part("findings.add('rows', 1)\nfindings.out_of_time()")
    assert (outcome.ended, outcome.found) == ("time", {"rows": [1]})


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=6), st.floats(1, 1e4), st.data())
def test_the_parts_keep_to_the_time_whatever_they_use(shares, total, data):
    left = total
    for i in range(len(shares)):
        limit = running.limits(shares[i:], left)
        assert 0 <= limit <= left
        last = left
        left -= data.draw(st.floats(0, 1)) * limit
    assert limit == last  # the last part has all that the others left over


def test_results_are_read_as_they_were_written(own_folder):
    outcomes = {"tests": running.Outcome("time", 3.0, 4.0, {"counts": {"passed": 2}}, ["a line"])}
    running.write_results(own_folder, outcomes)
    assert running.read_results(own_folder) == outcomes and running.read_results(own_folder / "none") == {}


# ---- what other programs print ----

PYTEST = """
[gw0] [ 25%] PASSED tests/engines/gpu/test_a.py::test_one[gpu-a b]
[gw1] [ 50%] FAILED tests/engines/gpu/test_a.py::test_two[gpu]
[gw1] [ 75%] SKIPPED tests/engines/gpu/test_a.py::test_three[gpu]
[gw0] [100%] SKIPPED tests/engines/gpu/test_a.py::test_four[gpu]
"""
SUMMARY = """
SKIPPED [2] tests/engines/gpu/test_a.py:7: needs Dask: or so
FAILED tests/engines/gpu/test_a.py::test_two[gpu] - AssertionError: 1 != 2
"""


def test_what_pytest_has_printed_is_counted():
    counts = {"passed": 1, "failed": 1, "skipped": 2}
    whole, part = tests.parse(PYTEST + SUMMARY), tests.parse(PYTEST)
    assert whole["counts"] == part["counts"] == counts
    assert whole["skipped"] == {"needs Dask: or so": 2}
    assert whole["failed"] == ["tests/engines/gpu/test_a.py::test_two[gpu] - AssertionError: 1 != 2"]
    assert part["failed"] == ["tests/engines/gpu/test_a.py::test_two[gpu]"]


def test_pytest_prints_what_is_counted(own_folder, monkeypatch):
    """The very options, on a file with one test of each kind."""
    (own_folder / "tests").mkdir()
    text = "import pytest\npytestmark = pytest.mark.gpu\ndef test_a(): pass\ndef test_b(): pytest.skip('no b')\n"
    (own_folder / "tests" / "test_it.py").write_text(text + "def test_c(): assert 0\n")
    monkeypatch.setattr(tests, "WHERE", (str(own_folder / "tests"),))
    command = [*tests.command(1), "-p", "no:cacheprovider", f"--rootdir={own_folder}", "-c", "/dev/null"]
    running.run_for(command, own_folder / "log", 60)
    found = tests.parse((own_folder / "log").read_text())
    assert found["counts"] == {"passed": 1, "skipped": 1, "failed": 1}
    assert found["skipped"] == {"no b": 1} and "test_it.py::test_c" in found["failed"][0]


def test_all_tests_for_a_device_are_where_they_are_looked_for():
    marked = re.compile(r"^from devices import|^@pytest.mark.gpu", re.MULTILINE)
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if marked.search(path.read_text("utf-8"))]
    places = {path.relative_to(ROOT).as_posix() for path in files} - {"tests/gpu/test_gpu_check.py"}
    assert len(places) > 5 and all(place.startswith(tests.WHERE) for place in places)


MEMCHECK = """========= COMPUTE-SANITIZER
24 reference cases
========= Invalid __global__ read of size 4 bytes
=========     at adam+0x70
========= ERROR SUMMARY: 1 error
"""


@pytest.mark.parametrize(
    ("text", "count", "said"),
    [
        (MEMCHECK, 1, ["Invalid __global__ read of size 4 bytes", "at adam+0x70"]),
        ("========= ERROR SUMMARY: 0 errors\n", 0, []),
        ("========= RACECHECK SUMMARY: 3 hazards displayed (2 errors, 1 warning)\n", 3, []),
        ("24 reference cases\n", None, []),
    ],
)
def test_what_the_sanitizer_has_found(text, count, said):
    assert sanitizer.parse(text) == {"findings": count, "said": said}


@pytest.mark.parametrize("place", ["bin", "compute-sanitizer"])
def test_the_sanitizer_is_found_in_the_toolkit(place, own_folder, monkeypatch):
    monkeypatch.setenv("PATH", str(own_folder))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("CUDA_PATH", str(own_folder))
    assert sanitizer.find() is None
    tool = own_folder / place / "compute-sanitizer"
    tool.parent.mkdir()
    tool.touch(0o755)
    assert sanitizer.find() == str(tool)


def test_the_benchmarks_options_and_lines(own_folder):
    assert [repetitions(seconds, 4) for seconds in (0, 140, 1e4)] == [1, 2, 10]
    assert file_name("NVIDIA H100 80GB HBM3, compute capability 90") == "nvidia-h100-80gb-hbm3.json"
    assert lines(f"head\n{ROWS[2].title}: 3 us\n{ROWS[0].title}: 4 us; more") == [
        f"{ROWS[2].title}: 3 us",
        f"{ROWS[0].title}: 4 us; more",
    ]
    assert peers(str(own_folder / "no-python")) is None


# ---- the parts on the emulated device ----

TINY = Row("pinwheel-mmd", "tiny", 1, 1, {"prior": "mixture", "alpha": 1.0, "hidden": "3", "batch_size": 20}, points=50)


@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_a_rows_profile(regulariser):
    row = Row(TINY.name, TINY.title, 1, 1, TINY.options | {"regulariser": regulariser}, points=50)
    found = profile.of_row(row, emulated, budget=1e-3, launches=2)
    assert set(found["steps"]) == set(measure.WAYS) and all(took > 0 for took in found["steps"].values())
    names = [each["name"] for each in found["launches"]]
    assert names[-2:] == ["finish", "adam_amsgrad"] and "product 20 x 3, sums of 2" in names
    assert any("mmd" in name for name in names) == (regulariser == "mmd")
    assert "not a kernel or a product" not in names
    assert all(each["microseconds"] > 0 for each in found["launches"])


def test_the_profile_of_the_mmd_has_both_ways():
    kept = gpu_mmd.CELLS_FROM
    found = profile.of_mmd(40, 2, emulated, launches=1)
    assert found["pairs"] > 0 and found["cells"] > 0 and kept == gpu_mmd.CELLS_FROM


def test_the_profiles_rows_are_the_benchmarks_steps():
    assert len(profile.step_rows()) == 5


def test_rungs_have_a_size_and_both_ways():
    limits = gpu_small.LARGEST_PRODUCTS, gpu_small.LARGEST_PAIRS, gpu_program.STEPS_A_GRAPH
    assert ladders.of_start({"cpu": 0.5, "gpu": 2.0}.get) == {"cpu": 0.5, "gpu": 2.0, "first": 2.0}
    engines = ladders.of_engines(4, 8, emulated, 1e-3)
    assert engines["size"] > 0 and engines["cpu"] > 0 and engines["gpu"] > 0
    for rung in (ladders.of_products(4, 8, emulated, 1e-3), ladders.of_pairs(8, 2, emulated, 1e-3)):
        assert rung["one launch"] > 0 and rung["graphs"] > 0
    assert rung["size"] == 8**2 * 2
    assert ladders.of_graphs(4, 8, 2, emulated, 1e-3)["graphs"] > 0
    assert limits == (gpu_small.LARGEST_PRODUCTS, gpu_small.LARGEST_PAIRS, gpu_program.STEPS_A_GRAPH)


def test_too_large_a_model_is_not_one_launch():
    options = resolve(prior="gaussian", hidden=(codes.SMALL_ROW_BYTES,), batch_size=4)
    vae, objective = from_options.vae(options, 3), objective_from(options)
    assert measure.engine_in("one launch", vae, objective, 4, emulated(np.float32)) is None


def test_ladders_climb_on_after_a_failure_and_stop_in_time():
    findings = running.Findings(None, 1e3)

    def fail():
        raise ValueError("no memory")

    def last():
        findings.end = 0
        return {"size": 2}

    ladders.climb(findings, iter([("pairs", fail), ("pairs", last), ("pairs", fail)]))
    assert findings.found == {"failed": ["pairs: no memory"], "pairs": [{"size": 2}], "out_of_time": True}


def test_all_rungs_are_climbed_and_the_first_span_the_range():
    assert len(list(ladders.work())) == 1 + sum(  # the one is the start
        map(len, (ladders.ENGINES, ladders.PRODUCTS, ladders.PAIRS, ladders.STEPS_A_GRAPH))
    )
    order = ladders._coarse_first(range(9))
    assert sorted(order) == list(range(9)) and order[:3] == [0, 4, 8]


def test_what_the_sanitizer_watches_runs_in_both_ways():
    assert exercise.cases(emulated, exercise.reference_cases.NAMES[:2]) == 2
    launches, one_launch = exercise.training(emulated, "kl-inc", points=30, epochs=2)
    assert np.abs(launches).max() > 0
    assert_allclose(launches, one_launch, atol=1e-4)


# ---- what is suggested ----

RUNGS = st.lists(
    st.builds(decisions.Rung, st.floats(1, 1e12), st.floats(1e-3, 1e6), st.floats(1e-3, 1e6)), min_size=1, max_size=12
)


@given(RUNGS, st.floats(1, 1e12))
def test_a_suggestion_never_loses_more_than_the_value_now(rungs, now):
    best = decisions.threshold(rungs, now)
    assert decisions.lost(rungs, best) <= decisions.lost(rungs, now)
    assert best == now or decisions.lost(rungs, best) < decisions.lost(rungs, now) - decisions.MARGIN
    assert decisions.threshold(rungs, best) == best


@given(RUNGS, st.floats(1, 1e12))
def test_no_threshold_at_a_measured_size_is_better_by_more_than_the_margin(rungs, now):
    best = decisions.lost(rungs, decisions.threshold(rungs, now))
    for each in [*(rung.size for rung in rungs), math.inf]:
        assert best <= decisions.lost(rungs, each) + decisions.MARGIN + 1e-9


@given(st.lists(st.floats(1, 1e9), min_size=2, max_size=10, unique=True), st.data())
def test_a_clear_crossing_is_found_whatever_the_value_now(sizes, data):
    sizes = sorted(sizes)
    cut = data.draw(st.integers(1, len(sizes) - 1))
    rungs = [decisions.Rung(size, *((1, 2) if i < cut else (2, 1))) for i, size in enumerate(sizes)]
    now = data.draw(st.floats(1, 1e9))
    assert sizes[cut - 1] < decisions.threshold(rungs, now) <= sizes[cut]


@given(st.floats(1e-3, 1e12), st.floats(1e-3, 1e12))
def test_between_lies_between(a, b):
    low, high = sorted((a, b))
    if low < high:
        assert low < decisions.between(low, high) <= high


@pytest.mark.parametrize(("below", "above", "best"), [(2, 1, 0.0), (1, 2, math.inf)])
def test_one_way_may_be_the_better_one_for_all_sizes(below, above, best):
    rungs = [decisions.Rung(size, below, above) for size in (10, 100)]
    assert decisions.threshold(rungs, 50) == best


@given(st.dictionaries(st.sampled_from([1, 2, 4, 8, 16, 32]), st.floats(1, 100), min_size=1), st.integers(1, 64))
def test_the_suggested_graph_is_nearly_the_fastest(times, now):
    best = decisions.shortest(times, now)
    assert times[best] <= min(times.values()) * (1 + decisions.MARGIN)
    assert best == now or now not in times or times[now] > min(times.values()) * (1 + decisions.MARGIN)


def test_constants_stand_where_the_report_says():
    for constant in decisions.CONSTANTS:
        assert f"\n{constant.name} = " in (ROOT / constant.file).read_text("utf-8")
    assert "\nSTEPS_A_GRAPH = " in (ROOT / decisions.file_of(gpu_program)).read_text("utf-8")


# ---- the report ----


def outcome(**found):
    return running.Outcome("complete", 10.0, 60.0, found)


@pytest.fixture
def recorded():
    """An H100's profile and benchmark, and made-up figures of the other parts."""
    rungs = [{"size": 1e6 * 10**i, "hidden": 8, "batch": 4, "cpu": 10.0**i, "gpu": 50.0} for i in range(4)]
    small = [{"size": 1e5 * 10**i, "hidden": 8, "batch": 4, "one launch": 10.0 + i, "graphs": 90.0} for i in range(4)]
    start = [{"cpu": 0.3, "gpu": 2.3, "first": 6.0}]
    graphs = [{"steps": steps, "hidden": 8, "batch": 4, "graphs": 90.0, "seconds": 0.1} for steps in (1, 16)]
    machine = {"device": "NVIDIA H100 80GB HBM3", "driver": "580.1", "CuPy": "14.2.0", "L2 cache, bytes": 52428800}
    clean = {"findings": 0, "said": [], "exit_code": 0, "seconds": 9.0}
    result = json.loads((ROOT / "benchmarks/results/nvidia-h100-80gb-hbm3.json").read_text("utf-8"))
    return {
        "machine": outcome(machine=machine, version="minidecomp 0.1.0"),
        "tests": outcome(**tests.parse(PYTEST.replace("FAILED", "PASSED"))),
        "profile": outcome(**json.loads((HERE / "h100_profile.json").read_text("utf-8"))),
        "ladders": outcome(start=start, engines=rungs, products=small, graphs=graphs),
        "sanitizer": outcome(memcheck=clean, racecheck=dict(clean)),
        "benchmark": outcome(result=result, file="nvidia-h100-80gb-hbm3.json", lines=["a"]),
    }


def test_a_run_long_enough_pays_for_the_start():
    """A model of 1e6 operations a step, twice as fast on the GPU: 2 s are won after 4e10 operations."""
    engines = [{"size": 1e6, "cpu": 100.0, "gpu": 50.0}]
    rungs = decisions.runs(2.0, engines)
    faster = {rung.size for rung in rungs if rung.above < rung.below}
    assert faster == {size for size in decisions.RUNS if size > 4e10}
    found = {"ladders": {"start": [{"cpu": 0.5, "gpu": 2.5, "first": 9.0}], "engines": engines}}
    [made] = [each for each in decisions.decisions(found) if each.constant == "GPU_FROM"]
    assert "2 s more to start" in made.reason and made.lost_then <= made.lost_now


def test_the_report_of_recorded_figures(recorded):
    text = report.markdown(recorded, "found")
    assert not report.problems(recorded) and "Nothing failed." in text
    for part in ("| inclusive_kl_grad | 11.2 |", "| 50 | 2000 | 975.1 | 47.2 |", "128.7 | 61.6 |", "52,428,800"):
        assert part in text, part
    assert "cp found/benchmark-results.json benchmarks/results/nvidia-h100-80gb-hbm3.json" in text
    assert "| `GPU_FROM` in `minidecomp/engines/choice.py` | " in text
    assert "LARGEST_PAIRS" not in text.split("## The parts")[0]  # nothing was measured for it
    for lines_of_table in text.split("\n\n"):
        if lines_of_table.startswith("| "):
            assert len({line.count("|") for line in lines_of_table.splitlines()}) == 1, lines_of_table
    assert report.in_a_line("machine", recorded["machine"]).startswith("NVIDIA H100 80GB HBM3, driver 580.1")
    assert report.in_a_line("tests", recorded["tests"]).startswith("2 passed, 2 skipped")


def test_the_report_names_what_is_wrong(recorded):
    recorded["tests"].found = tests.parse(PYTEST + SUMMARY)
    recorded["profile"].ended, recorded["profile"].last_lines = "crash", ["Segmentation fault"]
    recorded["ladders"].ended = "time"
    recorded["sanitizer"].found["memcheck"] |= sanitizer.parse(MEMCHECK)
    recorded["sanitizer"].found["racecheck"] |= {"findings": None, "exit_code": 3}
    for row in recorded["benchmark"].found["result"]["rows"]:
        row["seconds"]["torch_cuda"] = row["seconds"]["minidecomp_gpu"] / 2
    text, wrong = report.markdown(recorded, "found"), report.problems(recorded)
    for part in ("test_two[gpu]", "profile.log", "--parts ladders", "memcheck: 1 finding. Invalid", "racecheck ended"):
        assert any(part in line for line in wrong) and part in text, part
    assert len(wrong) == 5
    assert "PyTorch takes 0.50 of our time" in text and "Segmentation fault" in text
    recorded["tests"].found = tests.parse("")
    assert "No test passed." in report.problems(recorded)


@pytest.mark.parametrize("found", [{}, {"left_out": "no tool"}])
def test_the_report_of_parts_that_found_nothing(found):
    outcomes = {name: running.Outcome("crash", 1.0, 2.0, dict(found), ["a line"]) for name in check.NAMES}
    text = report.markdown(outcomes, "found")
    assert all(f"{name}.log" in text for name in check.NAMES)
    assert all(report.in_a_line(name, outcome) for name, outcome in outcomes.items())
    assert report.markdown({}, "found").count("Not measured.") == 5

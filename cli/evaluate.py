"""``minidecomp evaluate RUN..``: the terms on the test data, what each latent dimension carries, and the metrics."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, Overtaken, counted

from .evaluating import Evaluator, evaluate_all, finished_runs, is_one_run
from .loading import (
    data_dir_option,
    data_option,
    is_the_model_that_counts,
    say_unit_of_log_likelihoods,
    say_weights,
    say_what_is_not_finite,
    seed_option,
    threads_option,
    which_option,
)
from .output import say
from .table import print_content, say_if_scales_differ, table_of

if TYPE_CHECKING:
    from minidecomp.evaluation.everything import Listener, Wanted
    from minidecomp.evaluation.metrics import Metric

    from .evaluating import Evaluated

PARTS = {"dimension_wise_kl": "dimension-wise KL", "prior_dependence": "prior's dependence"}


NOT_WRITTEN = "not written: an evaluation.json is about the best model, where there is one"


class CommandWithMetrics(click.Command):
    """A command whose ``--help`` ends with the metrics and what each is."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from minidecomp.variants import METRICS

        rows = [(name, metric.help + _note(metric)) for name, metric in METRICS.items()]
        with formatter.section("Metrics"):
            formatter.write_dl(rows)


def _note(metric: Metric) -> str:
    """Which data it takes, where not all with factors, and how long; in brackets."""
    if not metric.needs_factors:
        return " (without factors, too)"
    notes = [metric.slow] if metric.slow else []
    if metric.of_points is None:
        notes.append("not with --factors of a file of your own")
    return f" ({'; '.join(notes)})" if notes else ""


@click.command(cls=CommandWithMetrics)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--metrics",
    metavar="NAME,NAME,..",
    default="",
    help="Which of the metrics below to compute; all leaves out those that take minutes.  "
    "[default: factor_vae; all if the factors are not known]",
)
@click.option(
    "--decomposition/--no-decomposition", default=True, help="Compute overlap and match as numbers.  [default: yes]"
)
@click.option("--log-likelihood", "marginal", is_flag=True, help="Also estimate log p(x) by importance sampling.")
@click.option("--importance-samples", metavar="N", help="Importance samples for each point.  [default: 1000]")
@click.option("--points", metavar="N", help="Estimate log p(x) on N test points, evenly spread.  [default: all]")
@seed_option
@threads_option
@data_option
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON: a list, if there are several runs.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@which_option
def evaluate(
    runs: tuple[str, ...],
    metrics: str,
    decomposition: bool,
    marginal: bool,
    importance_samples: str | None,
    points: str | None,
    which: str | None,
    seed: str,
    threads: str | None,
    data: str | None,
    data_dir: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Evaluate runs and write the evaluation.json of each.

    RUN is a run, a sweep, or a folder of runs. In a sweep or a folder, only runs that are trained to their last epoch
    are evaluated. If there are several runs, a table is printed at the end. If a run cannot be evaluated, a message
    says so, and the others are still evaluated.

    Log-likelihood, KL, both regularisers and the active dimensions are computed on the test data. The metrics compare
    the posterior means with the factors that made the data: all combinations of them where any point can be drawn, as
    in dSprites, or the points of your own file with the factors that --factors names. With a Student-t prior they are
    computed a second time, after the means are mapped to Gaussian quantiles, as in the paper.

    Overlap and match are the two parts of a decomposition (docs/metrics.md). Overlap is the mutual information between
    x and z, with the other parts of the KL. Match is the distance between the aggregate posterior of the test data and
    the prior.
    """
    from minidecomp.evaluation.everything import Wanted

    for name, value in (("importance_samples", importance_samples), ("points", points)):
        if value is not None and not marginal:
            raise OptionError(name, value, "this needs --log-likelihood")
    importance_samples = importance_samples or "1000"
    wanted = Wanted(metrics, decomposition, marginal, importance_samples, points, seed)  # type: ignore[arg-type]
    evaluator = Evaluator(wanted, threads, data, data_dir, which)
    if is_one_run(runs):
        _one(runs[0], evaluator, as_json, quiet)
        return 0
    return _several(runs, evaluator, as_json, quiet)


def _one(run: str, evaluator: Evaluator, as_json: bool, quiet: bool) -> None:
    overtaken: list[Overtaken] = []
    with _progress(quiet) as listener:
        loaded, result = evaluator.evaluate(run, listener, overtaken, () if as_json else (say_weights,))
    if not as_json:
        say_unit_of_log_likelihoods(loaded.rules, loaded.options)
    _report(loaded.folder, result, as_json, written=is_the_model_that_counts(loaded) and not overtaken)
    if not is_the_model_that_counts(loaded):
        say(NOT_WRITTEN, err=True)
    if overtaken:
        raise overtaken[0]


def _several(places: tuple[str, ...], evaluator: Evaluator, as_json: bool, quiet: bool) -> int:
    folders, notes = finished_runs(places)
    for line in notes:
        say(line, err=True)
    evaluator.check(folders)
    found, code = evaluate_all(folders, evaluator, lambda: _progress(quiet, several=True), quiet)
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text([{"run": str(each.folder), **each.result} for each in found]))
    elif found:
        _print_table(found, evaluator.wanted)
        if written := sum(each.is_written for each in found):
            say(f"written: evaluation.json of {counted(written, 'run')}")
        if written < len(found):
            say(NOT_WRITTEN, err=True)
    return code


def _print_table(found: list[Evaluated], wanted: Wanted) -> None:
    """The terms, and what was computed now; what a run has from an earlier evaluation is not in it."""
    rows = [each.row for each in found]
    marginal = ["marginal_log_likelihood"] if wanted.marginal_log_likelihood else []
    metrics = list(dict.fromkeys(name for each in found for name in each.result.get("metrics", ())))
    asked_for = [*marginal, *(metrics if wanted.metrics else [])]
    content = table_of(rows, ["test.log_likelihood", "test.kl", *marginal, *metrics], asked_for)
    print_content(content, elsewhere="minidecomp table --csv has all")
    say_if_scales_differ(rows)


@contextmanager
def _progress(quiet: bool, several: bool = False) -> Iterator[Listener]:
    """A line for each part on stderr, unless the run is one of several, and a bar for importance sampling."""
    from minidecomp.evaluation.everything import Listener

    if quiet:
        yield Listener()
        return
    with ExitStack() as stack:
        bars: list[Any] = []

        def points(done: int, count: int) -> None:
            if not bars:
                bars.append(
                    stack.enter_context(click.progressbar(length=count, label="importance sampling", file=sys.stderr))
                )
            bars[0].update(done - bars[0].pos)
            if done == count:
                stack.close()

        if several:
            yield Listener(points=points) if sys.stderr is not None and sys.stderr.isatty() else Listener()
        else:
            yield Listener(say=lambda line: say(line, err=True), points=points)


def _row(label: str, value: float, error: float | None = None) -> None:
    """A number, with its error where it has one: not what is exact (0), nor what nothing tells of (NaN)."""
    click.echo(f"  {label:24}{value:12.4f}" + (f"  +- {error:.4f}" if error and not math.isnan(error) else ""))


def _sampling(found: dict[str, Any]) -> str:
    """How much the importance sampling of a marginal log-likelihood can be trusted."""
    if found["samples"] == 1:
        return "1 sample each: nothing tells its sampling error"
    error = f"its sampling error {found['sampling_error']:.4f}"
    return f"{found['samples']} samples, {found['effective_samples']:.1f} effective; {error}"


def _report(folder: Any, result: dict[str, Any], as_json: bool, written: bool) -> None:
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text({"run": str(folder), **result}))
        return
    from minidecomp.evaluation.terms import titles, units

    test, dimensions = result["test"], result["dimensions"]
    say_what_is_not_finite(test)
    click.echo(f"{counted(test['points'], 'test point')}, means in {units()}:")
    for name, label in titles().items():
        if not math.isnan(test[name]):
            _row(label, test[name])
    active, count = dimensions["active"], len(dimensions["kl"])
    click.echo(f"  {'active dimensions':24}{len(active):7} of {count}")
    if "marginal_log_likelihood" in result:
        found = result["marginal_log_likelihood"]
        _row("marginal log-likelihood", found["mean"], found["standard_error"])
        click.echo(f"    over {counted(found['points'], 'point')}, {_sampling(found)}")
    for factor in ("overlap", "match") if "decomposition" in result else ():
        click.echo(f"{factor}:")
        for name, estimate in result["decomposition"][factor].items():
            _row((titles() | PARTS).get(name, name.replace("_", " ")), estimate["value"], estimate["error"])
    for key, title in (
        ("metrics", "metrics"),
        ("metrics_of_gaussian_quantiles", "metrics of the Gaussian quantiles"),
    ):
        if key in result:
            shown = ", ".join(f"{name} {size}" for name, size in result["factors"].items())
            say(f"{title}" + (f", of the factors {shown}:" if shown else ":"))
            for name, score in result[key].items():
                seed = "" if score["seed"] is None else f"; seed {score['seed']}"
                samples = ", ".join(f"{part} {count}" for part, count in score["samples"].items())
                say(f"  {name:24}{score['score']:12.4f}  {score['definition']} ({samples}{seed})")
    if written:
        say(f"written: {folder}/evaluation.json")

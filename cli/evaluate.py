"""``minidecomp evaluate RUN..``: the terms on the test data, what each latent dimension carries, and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, Overtaken, counted
from minidecomp.progress import has_bars

from .evaluating import Evaluator, evaluate_all, finished_runs, is_one_run
from .loading import (
    data_dir_option,
    data_option,
    is_the_model_that_counts,
    say_unit_of_log_likelihoods,
    say_weights,
    say_what_is_not_finite,
    threads_option,
    which_option,
)
from .output import say
from .progress import bar
from .table import print_content, say_if_scales_differ, table_of

if TYPE_CHECKING:
    from minidecomp.evaluation.everything import Listener, Wanted
    from minidecomp.evaluation.metrics import Metric
    from minidecomp.runs.checkpoint import Run

    from .evaluating import Evaluated

NOT_WRITTEN = "not written: evaluation.json describes the run's best model, and this is another"


class CommandWithMetrics(click.Command):
    """A command whose ``--help`` ends with the metrics and what each measures."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from minidecomp.variants import METRICS

        rows = [(name, f"{_title(metric)}{metric.help}{_note(metric)}") for name, metric in METRICS.items()]
        with formatter.section("Metrics"):
            formatter.write_dl(rows)


def _title(metric: Metric) -> str:
    """Its name for people, where that tells more than the name on the command line."""
    return "" if metric.title == metric.name else f"{metric.title}: "


def _note(metric: Metric) -> str:
    """Which data it needs and how long it takes, in brackets; empty for data with factors and a few seconds."""
    if not metric.needs_factors:
        return " (needs no factors)"
    notes = [metric.slow] if metric.slow else []
    if metric.of_points is None:
        notes.append("not for your own data")
    return f" ({'; '.join(notes)})" if notes else ""


@click.command(cls=CommandWithMetrics)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--metrics",
    metavar="NAME,NAME,..",
    default="",
    help="Metrics from the list below; all (but those that take minutes); or none.  "
    "[default: factor_vae; all if the factors are not known]",
)
@click.option(
    "--decomposition/--no-decomposition",
    default=True,
    help="Estimate overlap and match from all test points.  [default: yes]",
)
@click.option("--log-likelihood", "marginal", is_flag=True, help="Also estimate log p(x), by importance sampling.")
@click.option("--importance-samples", metavar="N", help="Samples of each point for --log-likelihood.  [default: 1000]")
@click.option("--points", metavar="N", help="Test points for --log-likelihood, evenly spread.  [default: all]")
@click.option("--seed", "-s", metavar="N", help="Seed of the draws.  [default: the run's seed]")
@threads_option
@data_option
@data_dir_option
@click.option("-v", "--verbose", is_flag=True, help="Add the definitions, and the KL of each latent dimension.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; for several runs a list.")
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
    seed: str | None,
    threads: str | None,
    data: str | None,
    data_dir: str | None,
    verbose: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Evaluate runs, and write the result of each into its evaluation.json.

    RUN is a run, a sweep, or a folder of runs. Of a sweep or a folder, evaluate takes the runs that are trained to
    their last epoch. For several runs it prints a table at the end. The options hold for all runs. If a run cannot be
    evaluated, evaluate says why and goes on with the others.

    \b
    means over batches   the terms of the objective on test data, as in training
    all test points      overlap and match: the two factors of a decomposition,
                         with their standard errors (docs/metrics.md)
    metrics              scores of the posterior means, mostly against the
                         factors that made the data

    KL, MMD and KL(p || q) appear under both headings: the first takes one batch of encodings at a time as the
    aggregate posterior, the second all of them together.

    The metrics take all combinations of the factors if the data can be drawn (dSprites), or the points of your own
    file if --factors names their factors. With a Student-t prior each metric is computed a second time, after the
    means are mapped to Gaussian quantiles, as in the paper.
    """
    from minidecomp.evaluation.everything import Wanted

    for name, value in (("importance_samples", importance_samples), ("points", points)):
        if value is not None and not marginal:
            raise OptionError(name, value, "this needs --log-likelihood")
    importance_samples = importance_samples or "1000"
    wanted = Wanted(metrics, decomposition, marginal, importance_samples, points, seed)  # type: ignore[arg-type]
    evaluator = Evaluator(wanted, threads, data, data_dir, which)
    if is_one_run(runs):
        _one(runs[0], evaluator, as_json, quiet, verbose)
        return 0
    return _several(runs, evaluator, as_json, quiet, verbose)


def _one(run: str, evaluator: Evaluator, as_json: bool, quiet: bool, verbose: bool) -> None:
    overtaken: list[Overtaken] = []
    with _progress(quiet) as listener:
        loaded, result = evaluator.evaluate(run, listener, overtaken, () if as_json else (say_weights,))
    if not as_json:
        say_unit_of_log_likelihoods(loaded.rules, loaded.options)
    _report(loaded, result, as_json, is_the_model_that_counts(loaded) and not overtaken, verbose)
    if not is_the_model_that_counts(loaded):
        say(NOT_WRITTEN, err=True)
    if overtaken:
        raise overtaken[0]


def _several(places: tuple[str, ...], evaluator: Evaluator, as_json: bool, quiet: bool, verbose: bool) -> int:
    folders, notes = finished_runs(places)
    for line in notes:
        say(line, err=True)
    evaluator.check(folders)
    found, code = evaluate_all(folders, evaluator, lambda: _progress(quiet, several=True), quiet)
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text([{"run": str(each.folder), **each.result} for each in found]))
    elif found:
        _print_table(found, evaluator.wanted, verbose)
        if written := sum(each.is_written for each in found):
            say(f"written: evaluation.json of {counted(written, 'run')}")
        if written < len(found):
            say(NOT_WRITTEN, err=True)
    return code


def _print_table(found: list[Evaluated], wanted: Wanted, verbose: bool) -> None:
    """The terms and what was computed now, but nothing that a run has from an earlier evaluation."""
    from .evaluation_text import notes_on_columns

    rows = [each.row for each in found]
    marginal = ["marginal_log_likelihood"] if wanted.marginal_log_likelihood else []
    metrics = list(dict.fromkeys(name for each in found for name in each.result.get("metrics", ())))
    asked_for = [*marginal, *(metrics if wanted.metrics else [])]
    content = table_of(rows, ["test.log_likelihood", "test.kl", *marginal, *metrics], asked_for)
    print_content(content, elsewhere="minidecomp table --csv has all")
    for line in notes_on_columns(found, content.columns, verbose):
        say(line)
    say_if_scales_differ(rows)


@contextmanager
def _progress(quiet: bool, several: bool = False) -> Iterator[Listener]:
    """On stderr a line for each part of a single run's evaluation, and a bar for importance sampling."""
    from minidecomp.evaluation.everything import Listener

    if quiet:
        yield Listener()
        return
    with ExitStack() as stack:
        bars: list[Callable[[int], object]] = []

        def points(done: int, count: int) -> None:
            if not bars:
                bars.append(stack.enter_context(bar(count, "importance sampling")))
            bars[0](done)
            if done == count:
                stack.close()

        if several:
            yield Listener(points=points) if has_bars() else Listener()
        else:
            yield Listener(say=lambda line: say(line, err=True), points=points)


def _report(run: Run, result: dict[str, Any], as_json: bool, written: bool, verbose: bool) -> None:
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text({"run": str(run.folder), **result}))
        return
    from .evaluation_text import evaluation_lines

    say_what_is_not_finite(result["test"])
    for line in evaluation_lines(result, verbose, getattr(run.vae.prior, "is_product", True)):
        say(line)
    if written:
        say(f"written: {run.folder}/evaluation.json")

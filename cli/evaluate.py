"""``minidecomp evaluate RUN``: the terms on the test data, what each latent dimension carries, and the metrics."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .loading import (
    data_dir_option,
    data_option,
    engine_here,
    load_run,
    make_engine,
    say_what_is_not_finite,
    seed_option,
    thread_count,
    threads_option,
)

if TYPE_CHECKING:
    from minidecomp.data.dataset import Dataset
    from minidecomp.evaluation.metrics import Score
    from minidecomp.runs.checkpoint import Run

LABELS = {"log_likelihood": "log-likelihood", "kl": "KL", "mmd": "MMD", "kl-inc": "KL(p || q)"}
PARTS = {"dimension_wise_kl": "dimension-wise KL", "prior_dependence": "prior's dependence"}


@click.command()
@click.argument("run")
@click.option(
    "--metrics",
    metavar="NAME,NAME,..",
    default="",
    help="factor_vae (disentanglement_lib's protocol), factor_vae_mathieu19 (the paper's), beta_vae, mig, sap, "
    "modularity, explicitness, irs, dci; without factors unsupervised, hoyer; or all (but dci, which takes minutes), "
    "or none.  [factor_vae, or all where the factors are not known]",
)
@click.option("--decomposition/--no-decomposition", default=True, help="Overlap and match, as numbers.  [yes]")
@click.option("--log-likelihood", "marginal", is_flag=True, help="log p(x) by importance sampling, too.")
@click.option("--importance-samples", metavar="N", default="1000", help="Samples a point for it.  [1000]")
@click.option("--points", metavar="N", help="Take so many test points for it, evenly spread.  [all]")
@seed_option
@threads_option
@data_option
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(
    run: str,
    metrics: str,
    decomposition: bool,
    marginal: bool,
    importance_samples: str,
    points: str | None,
    seed: str,
    threads: str | None,
    data: str | None,
    data_dir: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Evaluate a run and write its evaluation.json.

    Log-likelihood, KL, both regularisers and the active dimensions are those of the test data. The metrics compare the
    posterior means with the factors that made the data, over all of their combinations. With a Student-t prior they
    are computed once more after the means are mapped to Gaussian quantiles, as in the paper.

    Overlap and match are the two factors of a decomposition (docs/metrics.md): the mutual information between x and z
    with the other parts of the KL, and how far the aggregate posterior of the test data is from the prior.
    """
    from minidecomp import __version__
    from minidecomp.data.points import as_stored
    from minidecomp.evaluation import scoring
    from minidecomp.evaluation.decomposition import decomposition as decompose
    from minidecomp.evaluation.terms import evaluate_model
    from minidecomp.runs.folder import update_evaluation
    from minidecomp.settings.resolving import whole_number

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    checked_seed = whole_number("seed", seed, 0, 2**32 - 1)
    samples = whole_number("importance_samples", importance_samples, 1, 10**7)
    count = None if points is None else whole_number("points", points, 1, 10**9)
    loaded, dataset = load_run(run, data, data_dir)
    factors = scoring.varying(dataset.grid)
    names = scoring.choose(metrics, len(factors), loaded.vae.latent_dim)
    for name in names:
        if name in scoring.SLOW:
            say(f"{name} will take {scoring.SLOW[name]}, and twice that with a Student-t prior")
    name = engine_here(loaded)
    engine = make_engine(loaded, threads, name)
    result: dict[str, Any] = {"version": __version__, "epochs": loaded.state.epoch, "seed": checked_seed}
    found, (loc, scale) = evaluate_model(engine, dataset, loaded.options.batch_size, checked_seed)
    result |= found
    if decomposition:
        say("overlap and match")
        result["decomposition"] = decompose(loc, scale, loaded.vae.current_prior(), seed=checked_seed)
    if marginal:
        result["marginal_log_likelihood"] = _marginal(
            loaded, dataset, samples, count, checked_seed, name, threads, quiet
        )
    update_evaluation(loaded, result)
    if names:
        codes = loc
        if dataset.grid is not None:
            say(f"encoding {len(dataset.grid.points)} points")
            codes, _ = engine.encode(as_stored(dataset.grid.points, loaded.vae.dtype))
        quantiles = scoring.gaussian_codes(codes, loaded.vae.current_prior())
        result["factors"] = factors
        for key, of in (("metrics", codes), ("metrics_of_gaussian_quantiles", quantiles)):
            if of is None:
                continue
            result[key] = {}

            def after(name: str, score: Score, key: str = key) -> None:
                # At once: the next one may take minutes, or be stopped.
                result[key][name] = score.as_dict()
                update_evaluation(loaded, result)

            scoring.scores(names, of, dataset.grid, checked_seed, lambda name, key=key: say(f"{key}: {name}"), after)
    _report(loaded.folder, result, as_json)


def _marginal(
    run: Run,
    dataset: Dataset,
    samples: int,
    count: int | None,
    seed: int,
    engine: str,
    threads: str | None,
    quiet: bool,
) -> dict[str, float]:
    import os

    from minidecomp.data.points import evenly_spread
    from minidecomp.evaluation.marginal import marginal_log_likelihood

    data = dataset.test
    if count is not None and count < len(data):
        data = data[evenly_spread(len(data), count)]
    file = open(os.devnull, "w") if quiet else sys.stderr  # noqa: SIM115, closed below
    try:
        with click.progressbar(length=len(data), label="importance sampling", file=file) as bar:
            found = marginal_log_likelihood(
                run.vae,
                data,
                samples,
                seed,
                engine,
                thread_count(threads),
                lambda done: bar.update(done - bar.pos),
            )
    finally:
        if quiet:
            file.close()
    return found.as_dict()


def _row(label: str, value: float, error: float | None = None) -> None:
    click.echo(f"  {label:24}{value:12.4f}" + (f"  +- {error:.4f}" if error else ""))


def _report(folder: Any, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        from minidecomp.files import as_json

        click.echo(as_json({"run": str(folder), **result}))
        return
    test, dimensions = result["test"], result["dimensions"]
    say_what_is_not_finite(test)
    click.echo(f"{test['points']} test points, means in nats (the MMD has no unit):")
    for name, label in LABELS.items():
        if test[name] == test[name]:
            _row(label, test[name])
    active, count = dimensions["active"], len(dimensions["kl"])
    click.echo(f"  {'active dimensions':24}{len(active):7} of {count}")
    if "marginal_log_likelihood" in result:
        found = result["marginal_log_likelihood"]
        _row("marginal log-likelihood", found["mean"], found["standard_error"])
        note = f"{found['samples']} samples, {found['effective_samples']:.1f} effective"
        click.echo(f"    over {found['points']} points, {note}; its sampling error {found['sampling_error']:.4f}")
    for factor in ("overlap", "match") if "decomposition" in result else ():
        click.echo(f"{factor}:")
        for name, estimate in result["decomposition"][factor].items():
            _row((LABELS | PARTS).get(name, name.replace("_", " ")), estimate["value"], estimate["error"])
    for key, title in (
        ("metrics", "metrics"),
        ("metrics_of_gaussian_quantiles", "metrics of the Gaussian quantiles"),
    ):
        if key in result:
            shown = ", ".join(f"{name} {size}" for name, size in result["factors"].items())
            click.echo(f"{title}" + (f", of the factors {shown}:" if shown else ":"))
            for name, score in result[key].items():
                seed = "" if score["seed"] is None else f"; seed {score['seed']}"
                samples = ", ".join(f"{part} {count}" for part, count in score["samples"].items())
                click.echo(f"  {name:24}{score['score']:12.4f}  {score['definition']} ({samples}{seed})")
    click.echo(f"written: {folder}/evaluation.json")

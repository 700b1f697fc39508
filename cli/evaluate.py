"""``minidecomp evaluate RUN``: the terms on the test data, what each latent dimension carries, and the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .loading import (
    data_dir_option,
    data_option,
    load_run,
    make_engine,
    say_what_is_not_finite,
    seed_option,
    threads_option,
)

if TYPE_CHECKING:
    from minidecomp.metrics import Score


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
@seed_option
@threads_option
@data_option
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(
    run: str,
    metrics: str,
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
    """
    from minidecomp import __version__, runs, scoring
    from minidecomp.evaluation import evaluate_model
    from minidecomp.points import as_stored
    from minidecomp.resolving import whole_number

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    checked_seed = whole_number("seed", seed, 0, 2**32 - 1)
    loaded, dataset = load_run(run, data, data_dir)
    names = scoring.choose(metrics, dataset.grid is not None, loaded.vae.latent_dim)
    engine = make_engine(loaded, threads)
    result: dict[str, Any] = {"version": __version__, "epochs": loaded.state.epoch, "seed": checked_seed}
    result |= evaluate_model(engine, dataset, loaded.options.batch_size, checked_seed)
    if names:
        points = dataset.test if dataset.grid is None else dataset.grid.points
        say(f"encoding {len(points)} points")
        codes, _ = engine.encode(as_stored(points, loaded.vae.dtype))

        def before(name: str) -> None:
            say(f"{name}, {scoring.SLOW[name]}" if name in scoring.SLOW else name)

        result["metrics"] = _as_dicts(scoring.scores(names, codes, dataset.grid, checked_seed, before))
        quantiles = scoring.gaussian_codes(codes, loaded.vae.current_prior())
        if quantiles is not None:
            say("once more, of the Gaussian quantiles")
            found = scoring.scores(names, quantiles, dataset.grid, checked_seed, before)
            result["metrics_of_gaussian_quantiles"] = _as_dicts(found)
    runs.update_evaluation(loaded.folder, result)
    _report(loaded.folder, result, as_json)


def _as_dicts(scores: dict[str, Score]) -> dict[str, Any]:
    return {name: score.as_dict() for name, score in scores.items()}


def _report(folder: Any, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        from minidecomp.runs import as_json

        click.echo(as_json({"run": str(folder), **result}))
        return
    test, dimensions = result["test"], result["dimensions"]
    say_what_is_not_finite(test)
    click.echo(f"{test['points']} test points, means in nats (the MMD has no unit):")
    labels = {"log_likelihood": "log-likelihood", "kl": "KL", "mmd": "MMD", "kl-inc": "KL(p || q)"}
    for name, label in labels.items():
        if test[name] == test[name]:
            click.echo(f"  {label:24}{test[name]:12.4f}")
    active, count = dimensions["active"], len(dimensions["kl"])
    click.echo(f"  {'active dimensions':24}{len(active):7} of {count}")
    for key, title in (
        ("metrics", "metrics"),
        ("metrics_of_gaussian_quantiles", "metrics of the Gaussian quantiles"),
    ):
        if key in result:
            click.echo(f"{title}:")
            for name, score in result[key].items():
                click.echo(f"  {name:24}{score['score']:12.4f}  {score['definition']}")
    click.echo(f"written: {folder}/evaluation.json")

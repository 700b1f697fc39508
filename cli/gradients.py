"""``minidecomp gradients``: shows, checks and explains each term's gradient, and evaluates the paper's theorems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import MinidecompError, OptionError, marked

from .gradient_tables import check_lines, summary_lines, theorem_lines
from .loading import say_notes, which_option
from .options import LookCommand
from .output import check_output, check_run_output, save_arrays, write_arrays
from .progress import waiting

if TYPE_CHECKING:
    from minidecomp.inspection.explanation import Situation

POINTS, POINTS_OF_A_CHECK = 400, 32


@click.command(cls=LookCommand)
@click.argument("run", required=False)
@click.option("-c", "--config", metavar="FILE", help="Options from a TOML file, for a new model.")
@click.option("--points", metavar="N", help="Training points to use.  [default: a batch, at most 400; 32 with --check]")
@click.option(
    "--check", "checked", is_flag=True, help="Compare every gradient with finite differences and the CPU engine."
)
@click.option("--term", metavar="NAME", help="With --explain: reconstruction, kl, prior, mmd, kl-inc, sample, mlp, ..")
@click.option("--explain", "explained", is_flag=True, help="Print the term's formula, derivation, code and numbers.")
@click.option(
    "--theorem", metavar="1|corollary|2", help="Print both sides of a theorem of the paper, and what they mean."
)
@click.option("--save", metavar="FILE.npz", help="Also write the gradients.")
@click.option("--plots/--no-plots", default=True, help="Draw pictures into the run's folder.  [default: yes]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@which_option
def gradients(
    run: str | None,
    which: str | None,
    config: str | None,
    points: str | None,
    checked: bool,
    term: str | None,
    explained: bool,
    theorem: str | None,
    save: str | None,
    plots: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Show the gradient of each term of the objective for one batch: reconstruction, beta KL, alpha D.

    \b
    norm    of the weighted gradient, by block of parameters and by loc, scale, z
    share   <g_term, g> / <g, g>: the term's part of the step; < 0: it goes
            against the sum
    cosine  between two terms; < 0: they pull against each other

    The model is that of RUN as it is now; without RUN it is a new model with train's options. All values are computed
    by the textbook engine in float64. If a gradient is wrong, --check names it and exits with code 1.
    """
    from minidecomp.settings.resolving import whole_number

    given = {name: value for name, value in given.items() if value is not None}
    _refuse_contradictions(checked, term, explained, theorem, save, as_json)
    count = None if points is None else whole_number("points", points, 1, 10**6)
    looked_at, folder = _situation(run, which, given, config, save, count, POINTS_OF_A_CHECK if checked else POINTS)
    if theorem is not None:
        return _theorem(looked_at, theorem, as_json)
    if explained:
        from minidecomp.inspection.explain import explain

        assert term is not None
        click.echo("\n".join(explain(term, looked_at)))
        return 0
    if checked:
        return _check(looked_at, folder if plots else None, as_json)
    _summary(looked_at, save, folder if plots else None, as_json)
    return 0


def _refuse_contradictions(
    checked: bool, term: str | None, explained: bool, theorem: str | None, save: str | None, as_json: bool
) -> None:
    check_output("save", save, ending=".npz")
    if explained and term is None:
        raise OptionError("explain", None, "this needs --term, the term to explain")
    if term is not None and not explained:
        raise OptionError("term", term, "this needs --explain")
    if explained and as_json:
        raise OptionError("json", None, "--explain writes a text; leave one of the two out")
    modes = [name for name, on in (("check", checked), ("explain", explained), ("theorem", theorem is not None)) if on]
    if len(modes) > 1:
        raise MinidecompError(f"{marked(modes[0])} and {marked(modes[1])} cannot be used together")
    if save is not None and modes:
        raise MinidecompError(f"{marked(modes[0])} and `--save` cannot be used together")


def _situation(
    run: str | None,
    which: str | None,
    given: dict[str, Any],
    config: str | None,
    save: str | None,
    points: int | None,
    most: int,
) -> tuple[Situation, Path | None]:
    """The model, the points, and the folder for the run's pictures."""
    from minidecomp.inspection.situation import situation

    if run is not None:
        return _situation_of_run(run, which, given, config, save, points, most)
    if which is not None:
        raise OptionError("which", which, "this needs a RUN")
    from minidecomp import resolve
    from minidecomp.data import dataset_from, with_absolute_files
    from minidecomp.data.points import fingerprint
    from minidecomp.data.rules import learn
    from minidecomp.model import from_options
    from minidecomp.objective import objective_from
    from minidecomp.runs import checkpoint, warm_start
    from minidecomp.settings.sources import from_environment, over, override, read_config

    from_file = {} if config is None else read_config(config)
    wanted = override(from_file, over(from_environment(), given))
    options = resolve(with_absolute_files(warm_start.with_its_options(wanted)))
    check_output("save", save, (config, options.data))
    dataset = dataset_from(options)
    options = from_options.fit_likelihood(options, dataset)
    learn(dataset, str(options.likelihood), options.dtype)
    say_notes(dataset)
    logits = from_options.prior_logits(options, dataset, fingerprint(dataset.train), waiting())
    state, objective = checkpoint.fresh_state(options, dataset.data_dim, logits), objective_from(options)
    warm_start.begin(state, options, dataset.scaling)
    count = min(options.batch_size, most) if points is None else points
    return situation(state.vae, objective, dataset, count, options.seed, 0), None


def _situation_of_run(
    run: str,
    which: str | None,
    given: dict[str, Any],
    config: str | None,
    save: str | None,
    points: int | None,
    most: int,
) -> tuple[Situation, Path]:
    from minidecomp.inspection.situation import situation
    from minidecomp.settings.resolving import check

    from .loading import load_run, place_in, say_weights

    if config is not None:
        raise OptionError("config", config, f"the run {run} has its own options; --config is for a new model")
    for name, value in given.items():
        if name not in ("data", "data_dir", "seed"):
            raise OptionError(name, value, f"the run {run} has its own options; leave RUN out to look at a new model")
    loaded, dataset = load_run(run, given.get("data"), given.get("data_dir"), which)
    say_weights(loaded)
    check_run_output("save", save, loaded, given.get("data"))
    seed = check("seed", given["seed"]) if "seed" in given else loaded.options.seed
    count = min(loaded.options.batch_size, most) if points is None else points
    step = loaded.state.optimizer.step
    return situation(loaded.vae, loaded.objective, dataset, count, seed, step), place_in(loaded, "figures")


def _picture(folder: Path | None, name: str, figure: Any) -> None:
    """Draw a picture into the run's folder of pictures, if there is a run."""
    from .loading import draw

    if folder is not None:
        draw(folder, name, figure)


def _summary(looked_at: Situation, save: str | None, folder: Path | None, as_json: bool) -> None:
    from minidecomp import figures, files
    from minidecomp.inspection.by_term import as_dict, term_gradients
    from minidecomp.runs.evaluation_file import recorded_terms

    s = looked_at
    found = term_gradients(s.vae, s.objective, s.x, s.draws)
    if as_json:
        result = {"points": len(s.x), "kl_title": s.objective.kl_title, **as_dict(found)}
        result["values"] = recorded_terms(result["values"], s.objective.log_prior_multiplier)
        click.echo(files.as_json(result))
    else:
        click.echo("\n".join(summary_lines(found, len(s.x), s.objective.kl_title)))
    if save is not None:
        arrays = {
            f"{term}.{block}": array for term, blocks in found.gradients.items() for block, array in blocks.items()
        }
        if as_json:
            save_arrays(save, **arrays)  # stdout gets only the JSON
        else:
            write_arrays(save, **arrays)
    if s.vae.latent_dim == 2 and not as_json:
        loc, scale = s.vae.encode(s.x)
        shown = slice(None, None, max(1, len(loc) // 100))
        pulls = {term: blocks["loc"][shown] for term, blocks in found.gradients.items()}
        prior = s.vae.current_prior()
        _picture(folder, "gradient_field", lambda: figures.gradient_field(loc[shown], scale[shown], pulls, prior))


def _check(looked_at: Situation, folder: Path | None, as_json: bool) -> int:
    from minidecomp import figures, files
    from minidecomp.inspection.check import STEPS, check

    s = looked_at
    found = check(s.vae, s.objective, s.x, s.draws)
    failures = found.failures()
    if as_json:
        result = {
            "pass": not failures,
            "failures": [dict(zip(("block", "term", "against", "error"), each, strict=True)) for each in failures],
            "differences": found.differences,
            "engine": found.engine,
            "curve": {term: values.tolist() for term, values in found.curve.items()},
            "steps": list(STEPS),
            "kinks": found.kinks,
        }
        click.echo(files.as_json(result))
    else:
        click.echo("\n".join(check_lines(found, len(s.x))))
        _picture(folder, "gradient_check", lambda: figures.difference_errors(STEPS, found.curve, found.kinks))
    return 1 if failures else 0


def _theorem(looked_at: Situation, name: str, as_json: bool) -> int:
    import dataclasses

    from minidecomp import files
    from minidecomp.inspection.theory import STATEMENTS

    s = looked_at
    if name not in STATEMENTS:
        raise OptionError("theorem", name, choices=STATEMENTS)
    if s.objective.beta == 0:
        raise OptionError("beta", 0, must_be="above 0 for the paper's statements")
    sides = STATEMENTS[name](s.vae, s.x, s.draws.eps[0], s.objective.beta)
    if as_json:
        click.echo(files.as_json(dataclasses.asdict(sides) | {"difference": sides.difference}))
    else:
        click.echo("\n".join(theorem_lines(name, sides, s.vae.current_prior(), s.objective.beta)))
    return 0

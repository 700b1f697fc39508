"""``minidecomp``: the group of commands."""

from __future__ import annotations

from typing import Any

import click

COMMANDS = {
    "train": "Train a model; makes a run folder with checkpoint, metrics and pictures.",
    "evaluate": "Score a run: terms, active dimensions, disentanglement metrics.",
    "runs": "List runs and sweeps: date, state, options that differ, last objective.",
    "table": "Compare runs: a table, and a plot of a value against an option.",
    "plot": "Draw a run's pictures.",
    "traverse": "Move each latent dimension; a picture and an animation.",
    "reconstruct": "Reconstruct test points; a picture, and arrays.",
    "sample": "Sample from the prior; a picture, and arrays.",
    "encode": "Encode data of your own.",
    "sweep": "Train a grid of runs, on all cores or a Dask cluster.",
    "reproduce": "Run one of the paper's experiments from start to end.",
    "gradients": "Look at each term's gradient; check, explain it.",
    "report": "Write a run as one HTML page, with its decoder to play with.",
    "playground": "Train small models in the browser, and see each term pull.",
    "export": "Write encoder and decoder as ONNX, C, NumPy or safetensors.",
    "data": "List and fetch data sets.",
    "completion": "Print the script that completes commands in bash, zsh or fish.",
}


class LazyGroup(click.Group):
    """Imports a command's file only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        from importlib import import_module

        return getattr(import_module(f"minidecomp.cli.{name}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """click's way from a word to a command; for any other word the error names the nearest command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise click.UsageError(f"{args[0]} is no command; the commands are {', '.join(COMMANDS)}{hint}")
        return super().resolve_command(ctx, args)


def _version(verbose: bool) -> list[str]:
    """The lines that ``--version`` prints."""
    from minidecomp import __version__

    lines = [f"minidecomp {__version__}"]
    if verbose:
        import platform

        import numpy

        from minidecomp._core import blas, engine_float32
        from minidecomp.engines.device import describe
        from minidecomp.settings.options import cores

        lines += [
            f"code path: {engine_float32.code_path()}",
            f"matrix products: {blas.config()}",
            f"cores: {cores()}",
            f"gpu: {describe()}",
            f"python {platform.python_version()}, numpy {numpy.__version__}, {platform.system()} {platform.machine()}",
        ]
    return lines


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, help="Print the version.")
@click.option("--verbose", is_flag=True, help="With --version: also which compiled code and which BLAS run here.")
@click.pass_context
def cli(ctx: click.Context, version: bool, verbose: bool) -> None:
    """Train and look at variational autoencoders with the decomposition objective.

    \b
    L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z))

    beta sets how much the encodings of different points overlap; alpha how closely their aggregate matches the prior,
    which has the structure one wants: independence, clusters, sparsity.

    \b
    Begin with:  minidecomp train --prior mixture --alpha 5
    """
    if version:
        click.echo("\n".join(_version(verbose)))
        ctx.exit()
    if verbose:
        raise click.UsageError("--verbose goes with --version only")
    if ctx.invoked_subcommand is None:
        raise click.UsageError("a command is missing; minidecomp --help lists them")

"""``minidecomp``: the group of commands."""

from __future__ import annotations

from typing import Any

import click

COMMANDS = {
    "train": "Train a model into a run folder: checkpoint, metrics, pictures.",
    "evaluate": "Score a run: terms, active dimensions, disentanglement metrics.",
    "runs": "List runs and sweeps: date, state, objective, options that differ.",
    "table": "Compare runs in a table, or plot a value against an option.",
    "plot": "Draw a run's pictures.",
    "traverse": "Move each latent dimension, in a picture and an animation.",
    "reconstruct": "Reconstruct test points, as a picture and arrays.",
    "sample": "Sample from the prior, as a picture and arrays.",
    "encode": "Encode your own data.",
    "sweep": "Train a grid of runs on all cores or on a Dask cluster.",
    "reproduce": "Run one of the paper's experiments from start to end.",
    "gradients": "Look at the gradient of each term; check and explain it.",
    "report": "Write a run as one HTML page, in which its decoder runs.",
    "playground": "Train small models in the browser and see each term pull.",
    "export": "Write the encoder and decoder as ONNX, C, NumPy or safetensors.",
    "data": "List and fetch data sets.",
    "completion": "Print the script that completes commands in bash, zsh or fish.",
}


class Group(click.Group):
    """A group of commands that names the nearest command if there is none of the name given."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command that the first word names."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            from minidecomp.errors import did_you_mean

            hint = did_you_mean(args[0], known) or f"the commands are {', '.join(known)}"
            raise click.UsageError(f"unknown command '{args[0]}'; {hint}")
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
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


def _version(verbose: bool) -> list[str]:
    """The lines that ``--version`` prints."""
    from minidecomp import __version__

    lines = [f"minidecomp {__version__}"]
    if verbose:
        import platform

        import numpy

        from minidecomp._core import blas, engine_float32
        from minidecomp.engines.choice import rule
        from minidecomp.engines.probe import describe
        from minidecomp.settings.options import cores

        lines += [
            f"code path: {engine_float32.code_path()}",
            f"matrix products: {blas.config()}",
            f"cores: {cores()}",
            f"gpu: {describe()}",
            f"engine: {rule()}",
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
@click.option("--verbose", is_flag=True, help="With --version, also print which compiled code and BLAS are used.")
@click.pass_context
def cli(ctx: click.Context, version: bool, verbose: bool) -> None:
    """Train and look at variational autoencoders with the decomposition objective.

    \b
    L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z))

    beta sets how much the encodings of different points overlap. alpha sets how closely their aggregate matches the
    prior, which you choose for the structure that you want: independence, clusters or sparsity.

    \b
    To begin:  minidecomp train --prior mixture --alpha 5
    """
    if version:
        click.echo("\n".join(_version(verbose)))
        ctx.exit()
    if verbose:
        raise click.UsageError("--verbose needs --version")
    if ctx.invoked_subcommand is None:
        raise click.UsageError("a command is missing; see minidecomp --help")

"""``minidecomp``: the group of commands, and how an error reaches a person: one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

COMMANDS = {
    "train": "Train a model; makes a run folder with checkpoint, metrics and pictures.",
    "evaluate": "Score a run: terms, active dimensions, disentanglement metrics.",
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
    "export": "Write encoder and decoder as ONNX, C, NumPy or safetensors.",
    "data": "List and fetch data sets.",
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


def run(args: list[str] | None = None) -> None:
    """The console script."""
    sys.exit(main(args))


def main(args: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 (a fault while running), 2 (wrong use), 130 (Ctrl-C)."""
    from minidecomp.errors import MinidecompError, OptionError

    try:
        code = cli.main(args, prog_name="minidecomp", standalone_mode=False) or 0
        sys.stdout.flush()
        return code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except OptionError as error:
        return _complain(error.message("--" + error.option.replace("_", "-")), error.exit_code)
    except MinidecompError as error:
        return _complain(str(error), error.exit_code)
    except click.ClickException as error:
        return _complain(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", 130)
    except MemoryError as error:
        return _complain(f"not enough memory: {error}", 1)
    except OSError as error:
        # Python would complain once more, of what it could not write, while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever read our output has had enough
            return 1
        return _complain(f"{error.filename or 'standard output'}: {error.strerror or error}", 1)


def _complain(message: str, exit_code: int) -> int:
    click.echo("minidecomp: " + " ".join(message.splitlines()), err=True)
    return exit_code

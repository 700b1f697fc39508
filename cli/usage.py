"""What we say when click cannot read a command line: its errors as one plain sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from minidecomp.errors import UnknownOption, as_flags, did_you_mean, either, flag

MOST_COMMANDS = 3  # that have an option, where a message names them


def in_our_words(error: click.ClickException) -> str:
    """The error's line."""
    if isinstance(error, click.NoSuchOption):
        return _unknown_option(error.option_name, error.ctx)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_path(error.ctx)} needs {_needed(error.param, error.ctx or _no_context())}{_see(error.ctx)}"
    if isinstance(error, click.BadOptionUsage):
        if "requires an argument" in error.message:
            return f"{error.option_name} needs a value"
        return f"{error.option_name} takes no value" if "does not take a value" in error.message else _plain(error)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(error, error.param)
    extra = re.fullmatch(r"Got unexpected extra argument(s?) \((.*)\)", error.message, re.DOTALL)
    if extra and isinstance(error, click.UsageError):
        return f"unexpected argument{extra[1]}: {extra[2]}{_see(error.ctx)}"
    return _plain(error)


def _needed(param: click.Parameter, ctx: click.Context) -> str:
    """``a RUN``, ``--out FILE``, or the choices if the metavar has them: ``bash, zsh or fish``."""
    metavar = param.make_metavar(ctx)
    if isinstance(param, click.Option):
        return f"{param.opts[-1] if param.opts[-1].startswith('--') else param.opts[0]} {metavar}"
    metavar = metavar.strip("[].")
    return either(metavar.split("|")) if "|" in metavar else f"a {metavar}"


def _plain(error: click.ClickException) -> str:
    return error.format_message()


def _path(ctx: click.Context | None) -> str:
    """``evaluate`` or ``data fetch``: the command without the program's name."""
    if ctx is None:
        return ""
    program = ctx.find_root().info_name or ""
    return ctx.command_path.removeprefix(program).strip() or program


def _see(ctx: click.Context | None) -> str:
    return "" if ctx is None else f"; see {ctx.command_path} --help"


def _no_context() -> click.Context:
    return click.Context(click.Command("minidecomp"))


def _bad_value(error: click.BadParameter, param: click.Parameter) -> str:
    name = param.opts[-1] if isinstance(param, click.Option) else param.make_metavar(error.ctx or _no_context())
    given = re.match(r"'(.*)' is not (one of|'|a valid|[^ ]* of)", error.message, re.DOTALL)
    if isinstance(param.type, click.Choice) and given:
        choices = list(map(str, param.type.choices))
        hint = did_you_mean(given[1], choices)
        return f"{name} must be {either(choices)}, not '{given[1]}'" + (f"; {hint}" if hint else "")
    return f"{name}: {error.message.rstrip('.')}"


def _unknown_option(given: str, ctx: click.Context | None) -> str:
    """The line about an option that the command does not have: what was probably meant, or which command has it."""
    from minidecomp.settings.common_names import unknown_option

    word = given.lstrip("-")
    if ctx is None or len(word) < 2:
        return f"unknown option {given}{_see(ctx)}"
    names = _names(ctx.command, ctx)
    error = unknown_option(word, names)
    holders = [] if error.is_synonym else list(_commands_with(word.replace("-", "_"), ctx))
    if holders:
        shown = either(holders, "and") if len(holders) <= MOST_COMMANDS else f"{', '.join(holders[:MOST_COMMANDS])}, .."
        return f"unknown option {given}; {given} is an option of {shown}, not of {_path(ctx)}"
    line = error.message(flag, as_flags)
    return line if isinstance(error, UnknownOption) and ";" in line else line + _see(ctx)


def _names(command: click.Command, ctx: click.Context) -> list[str]:
    """The names of a command's options as in Python; an option has one for each of its long flags."""
    found = [each for param in command.get_params(ctx) for each in (*param.opts, *param.secondary_opts)]
    return [each[2:].replace("-", "_") for each in found if each.startswith("--")]


def _commands_with(name: str, ctx: click.Context) -> Iterator[str]:
    """The other commands that have an option of this name."""
    group = ctx.find_root().command
    if not isinstance(group, click.Group):
        return
    for each in group.list_commands(ctx):
        command = group.get_command(ctx, each)
        if command is not None and command is not ctx.command and name in _names(command, ctx):
            yield each

"""The options of ``minidecomp.settings.options`` as click's, shown in groups."""

from __future__ import annotations

from typing import Any

import click

from minidecomp.errors import either
from minidecomp.settings import options
from minidecomp.variants import DATA_SETS


class GroupedCommand(click.Command):
    """A command whose ``--help`` shows its options under the names of their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Output"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                if options.GROUPS.get(group):
                    formatter.write_text(options.GROUPS[group])
                    formatter.write_paragraph()
                formatter.write_dl(records)


class GroupedOption(click.Option):
    """An option that knows its group."""

    def __init__(self, *args: Any, group: str = "Output", **settings: Any):
        super().__init__(*args, **settings)
        self.group = group


def _default(name: str) -> str:
    """[default: 100; 400 for pinwheel; 500 for fashion-mnist]"""
    option = options.by_name()[name]
    shown = [] if option.default is None else [_plain(option.default)]
    shown += filter(None, [options.default_help_of(option)])
    if name != "prior":  # whose choice by the data is in its words
        own = {data: source.defaults for data, source in DATA_SETS.items() if data != options.OWN}
        users: dict[str, list[str]] = {}
        for data, defaults in own.items():
            if name in defaults:
                users.setdefault(_plain(defaults[name]), []).append(data)
        shown += [f"{value} for {either(names, 'and')}" for value, names in users.items()]
    return f"  [default: {'; '.join(shown)}]" if shown else ""


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def train_options() -> list[click.Option]:
    """Every option of a training run. Each value arrives as text, or as None if it was not given."""
    metavars = {int: "N", float: "X", tuple: "N,N,..", str: "TEXT"}
    found: list[click.Option] = []
    for name, option in options.by_name().items():
        choices, flag = options.choices_of(option), "--" + name.replace("_", "-")
        settings: dict[str, Any] = {"default": None, "help": options.help_of(option) + _default(name)}
        if option.kind is bool:
            declarations = [f"{flag}/--no-{flag[2:]}"]
        else:
            declarations = [*option.flags.split(), flag]
            settings["type"] = str
            named = option.metavar or metavars[option.kind]
            settings["metavar"] = named if choices is None else "|".join(map(str, choices))
        found.append(GroupedOption([*declarations, name], group=option.group, **settings))
    return found


class TrainCommand(GroupedCommand):
    """A command that takes every option of a training run, including those of added variants."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The options of a training run as they are now, then the command's own."""
        return [*train_options(), *super().get_params(ctx)]


READING = ("labels", "missing", "drop_missing", "header", "delimiter", "decimal", "channels", "resize")


class ReadCommand(GroupedCommand):
    """A command that takes the options about reading a file of points."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those about reading."""
        return [*super().get_params(ctx), *(option for option in train_options() if option.name in READING)]


class LookCommand(GroupedCommand):
    """A command that takes the options of a training run, for a new model, after its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those of a training run."""
        return [*super().get_params(ctx), *train_options()]

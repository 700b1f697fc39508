"""The options of ``minidecomp.settings.options`` as click's, shown in groups."""

from __future__ import annotations

from typing import Any

import click

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
    """[100; pinwheel 400; fashion-mnist 500]"""
    usual = options.default(name)
    shown = [] if usual is None else [_plain(usual)]
    own = {data: source.defaults for data, source in DATA_SETS.items() if data != options.OWN}
    shown += [f"{data} {_plain(defaults[name])}" for data, defaults in own.items() if name in defaults]
    return f"  [{'; '.join(shown)}]" if shown else ""


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def train_options() -> list[click.Option]:
    """Every option of a training run; each value arrives as text, or None if it was not given."""
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
            settings["metavar"] = metavars[option.kind] if choices is None else "|".join(map(str, choices))
        found.append(GroupedOption([*declarations, name], group=option.group, **settings))
    return found


class TrainCommand(GroupedCommand):
    """A command that takes every option of a training run, those of variants that were added too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """click's list of the options, with those of the variants that are there when it asks."""
        return [*train_options(), *super().get_params(ctx)]


READING = ("labels", "missing", "drop_missing", "header", "delimiter", "decimal", "channels", "resize")


class ReadCommand(GroupedCommand):
    """One that takes those that say how a file of points is read."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those."""
        return [*super().get_params(ctx), *(option for option in train_options() if option.name in READING)]


class LookCommand(GroupedCommand):
    """One that takes them for a fresh model, after its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those of a training run."""
        return [*super().get_params(ctx), *train_options()]

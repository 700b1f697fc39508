"""Answers a shell's question about the next word on the command line, with click's mechanism and our values."""

from __future__ import annotations

import os
from contextlib import suppress

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    _resolve_context,
    _resolve_incomplete,
)

from . import completion_scripts as scripts
from .group import COMMANDS, LazyGroup, cli

PROGRAM = "minidecomp"
QUESTION = "_MINIDECOMP_COMPLETE"  # the variable in which a shell's script asks its question
LONGEST_HELP = 80


class Completing(ShellComplete):
    """A shell with our completions; a line that makes no sense has none."""

    # In bash a value after "=" is a separate word. Elsewhere the word is the option, "=" and the value.
    equals_ends_word = False

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """The completions of the incomplete word after these words."""
        option, equals, _ = incomplete.partition("=")
        found = completions(args, incomplete)
        if equals and option.startswith("-") and not self.equals_ends_word:
            for item in found:
                item.value = f"{option}={item.value}"
        return [item for item in found if item.value.isprintable()]


class Bash(Completing, BashComplete):
    """bash, which splits ``--prior=mixture`` into three words."""

    source_template = scripts.BASH
    equals_ends_word = True

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        words = [word for before, word in zip(["", *args], args, strict=False) if not _is_equals(before, word)]
        return words, "" if args and _is_equals(args[-1], incomplete) else incomplete


def _is_equals(before: str, word: str) -> bool:
    return word == "=" and before.startswith("--")


class Zsh(Completing, ZshComplete):
    """zsh."""

    source_template = scripts.ZSH

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type}\n{item.value}\n{item.help or '_'}"


class Fish(Completing, FishComplete):
    """fish, which adds no space after a slash and quotes what it shows."""

    source_template = scripts.FISH

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.value}\t{item.help}" if item.help else item.value


SHELLS: dict[str, type[Completing]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def script(shell: str) -> str:
    """The script that a shell runs to complete minidecomp."""
    return SHELLS[shell](cli, {}, PROGRAM, QUESTION).source()


def answer() -> int:
    """Print what the shell's script asks for, and return the exit code."""
    shell, _, instruction = os.environ[QUESTION].partition("_")
    if shell not in SHELLS or instruction not in ("source", "complete"):
        return 2
    found = SHELLS[shell](cli, {}, PROGRAM, QUESTION)
    click.echo((found.source() if instruction == "source" else found.complete()).encode())
    return 0


def completions(args: list[str], incomplete: str) -> list[CompletionItem[str]]:
    """The completions of the incomplete word after these words (without the program's name), or []."""
    with suppress(Exception):  # if the line is wrong, the command says so when it runs
        context = _resolve_context(cli, {}, PROGRAM, args)
        what, word = _resolve_incomplete(context, list(args), incomplete)
        if isinstance(what, click.Parameter):
            from .suggestions import suggest

            return suggest(context, what, word)
        return _words(context, what, word)
    return []


def _words(context: click.Context, command: click.Command, word: str) -> list[CompletionItem[str]]:
    """The commands of a group, or a command's options."""
    if isinstance(command, LazyGroup):  # click would import every command to get its help
        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(word)]
        return found + _short(click.Command.shell_complete(command, context, word)) if word else found
    found = _short(command.shell_complete(context, word))
    takes_words = isinstance(command, click.Group) or any(isinstance(each, click.Argument) for each in command.params)
    if not word and not takes_words:
        return [item for item in _short(command.shell_complete(context, "--")) if item.value.startswith("--")]
    return found


def _short(items: list[CompletionItem[str]]) -> list[CompletionItem[str]]:
    """Shorten the help to its first sentence, on one line."""
    for item in items:
        first = " ".join((item.help or "").split()).split(". ")[0].removesuffix(".")
        item.help = first if len(first) <= LONGEST_HELP else f"{first[: LONGEST_HELP - 2]}.."
    return items

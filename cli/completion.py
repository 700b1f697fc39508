"""``minidecomp completion SHELL``: the script by which a shell completes minidecomp's commands."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="|".join(SHELLS), required=False)
def completion(shell: str | None) -> None:
    """Print the script by which your shell completes minidecomp's commands, options, values, runs and files.

    Install it with one line, then open a new terminal:

    \b
    bash  echo 'eval "$(minidecomp completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(minidecomp completion zsh)"' >> ~/.zshrc
    fish  minidecomp completion fish > ~/.config/fish/completions/minidecomp.fish

    bash must be 4.4 or newer.
    """
    if shell not in SHELLS:
        from minidecomp.errors import did_you_mean, either, quoted

        if shell is None:
            raise click.UsageError(f"completion needs a shell: {either(SHELLS)}")
        hint = did_you_mean(shell, SHELLS)
        raise click.UsageError(
            f"the shell must be {either(SHELLS)}, not {quoted(shell)}" + (f"; {hint}" if hint else "")
        )
    from .completing import script

    click.echo(script(shell), nl=False)

"""`aeo completion`: the script for a shell's completion of commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import (  # type: ignore[attr-defined]  # it is there, and typed
    get_completion_inspect_parameters,
    get_completion_script,
)

#: The environment variable with which the script asks the program for completions.
VARIABLE = "_AEO_COMPLETE"


def answer_shells() -> None:
    """Enables the program to answer a shell's completion request."""
    get_completion_inspect_parameters()


class Shell(StrEnum):
    """The shells for which a script can be printed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that completes.")],
) -> None:
    """Print the script that completes the commands and options of `aeo` in a shell.

    For bash: `source <(./aeo completion bash)`. It serves `./aeo` as well as an installed `aeo`.
    """
    script = get_completion_script(prog_name="aeo", complete_var=VARIABLE, shell=shell.value)
    typer.echo(script)

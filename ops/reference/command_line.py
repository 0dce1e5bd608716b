"""The page on the command line: every command with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import typer

from api.cli import app
from api.cli.terminal import EXIT_CODES
from ops.reference.markdown import page, prose, sentence, table


def command_line() -> str:
    """Every command with its arguments and options."""
    root = cast(Any, typer.main.get_command(app))
    parts = [_command(name, command) for name, command in _commands(root, "")]
    return page(
        "Command line",
        f"`./aeo COMMAND --help` says the same. {EXIT_CODES}",
        *parts,
    )


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield f"{before}{name}", command


def _command(name: str, command: Any) -> str:
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = " ".join(
        str(each.metavar or each.name.upper())
        for each in shown
        if each.param_type_name == "argument"
    )
    rows = [
        (f"`{_option(each)}`", sentence(getattr(each, "help", None) or ""), _said(each))
        for each in shown
        if each.name != "help"
    ]
    lines = [f"## aeo {name}", f"    ./aeo {name} {arguments}".rstrip(), prose(command.help)]
    if rows:
        lines.append(table(("Argument or option", "Meaning", "Default"), rows).strip())
    return "\n\n".join(filter(None, lines))


def _option(each: Any) -> str:
    if each.param_type_name == "argument":
        return str(each.metavar or each.name.upper())
    flag = ", ".join([*each.opts, *each.secondary_opts])
    return flag if each.is_flag else f"{flag} {each.metavar or each.name.upper()}"


def _said(each: Any) -> str:
    if each.required:
        return "required"
    if each.default in (None, False, (), [], "") or callable(each.default):
        return ""
    return f"`{each.default}`"

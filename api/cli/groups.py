"""Groups of commands: a command that has commands of its own, as `aeo edge` has `aeo edge ask`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """Gives the options that stand before a command's name to that command.

    `edge --edge-home X ask TIN` is `edge ask --edge-home X TIN`. An option that the command does
    not have is refused, as it is after the name: none is ignored.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keeps what was given, for `resolve_command`."""
        ctx.meta[_key(ctx)] = list(args)  # the parser takes words out of `args`
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Returns the name, the command and its words, with those that stood before the name."""
        given = ctx.meta[_key(ctx)]
        before = [word for word in given[: len(given) - len(args)] if word != "--"]
        name, command, rest = self.find_command(ctx, args)
        return name, command, [*before, *rest]

    def find_command(self, ctx: Any, args: list[str]) -> Any:
        """Returns the name, the command and the words after the name."""
        return super().resolve_command(ctx, args)


def _key(ctx: Any) -> str:
    return f"{__name__}: {ctx.command_path}"  # the contexts of one call share `meta`

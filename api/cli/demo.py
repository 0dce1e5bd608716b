"""Demonstrations: what the program promises, shown on this machine and timed."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import EXIT_CODES, REFUSED, fail, print_table, say

app = typer.Typer(
    help="Demonstrations: what the program promises, shown on this machine.", no_args_is_help=True
)
INTERRUPTED = 130  # as a shell has it after Ctrl-C


@app.callback()
def demo() -> None:
    """Demonstrations: what the program promises, shown on this machine."""


@app.command(epilog=EXIT_CODES)
def partners(
    within: Annotated[
        float,
        typer.Option(
            min=0.01, max=600, help="Seconds in which a suspension is to be seen at partners."
        ),
    ] = 1.0,
) -> None:
    """Show how partners connect: two registers that follow each other, and an edge.

    It starts two instances (CN and KR) and an edge (SG) in folders of their own on free ports of
    loopback, suspends an operator, waits for the webhook, kills an instance and lets it come back,
    and removes everything at the end, also on Ctrl-C. It takes about a minute. The exit code is 1
    where a promise was not fulfilled.
    """
    from api.demonstrations.partners import Interrupted, demonstrate

    try:
        steps = demonstrate(lambda line: print(line, flush=True), within)
    except Interrupted:
        say("ended; nothing is left of it")
        raise typer.Exit(INTERRUPTED) from None
    rows = [
        [
            step.what,
            f"{step.seconds:.2f} s",
            f"{step.within:g} s" if step.within is not None else "",
            step.failure or ("yes" if step.fulfilled else "too late"),
        ]
        for step in steps
    ]
    print_table("Steps", ["step", "took", "promised", "fulfilled"], rows)
    broken = [step.what for step in steps if not step.fulfilled]
    if broken:
        fail(REFUSED, f"not fulfilled: {'; '.join(broken)}")

"""The command that serves an assistant: the register's questions as tools."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from api.cli.terminal import USAGE, fail
from api.cli.tokens import given_token


def mcp(
    url: Annotated[
        str, typer.Option("--url", envvar="AEO_URL", help="The address of the register.")
    ] = "http://127.0.0.1:8420",
    token_file: Annotated[
        str | None,
        typer.Option(help="A file with your token. Without a token the public asks."),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="FILE",
            help="What `aeo client new` wrote: tokens are got with its key, and renewed in time.",
        ),
    ] = None,
    purpose: Annotated[
        str, typer.Option(help="The purpose that the log of reads keeps with each question.")
    ] = "question by an assistant",
) -> None:
    """Serve the register's questions to an assistant, as tools of the Model Context Protocol.

    It speaks on standard input and output; the assistant's program starts it. The tools only read,
    with the rights of your token (or of the environment variable AEO_TOKEN), and each look is
    logged.
    """
    if not url.startswith(("http://", "https://")):
        fail(USAGE, f"--url: found {url}, wanted an address with http:// or https://")
    token = given_token(token_file, client, os.environ.get("AEO_TOKEN", ""))
    from api.assistants.server import server
    from api.assistants.source import AssistantSource

    server(AssistantSource(url.rstrip("/"), token, purpose)).run("stdio")

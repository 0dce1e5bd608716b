"""The access token by which a command names itself to a register."""

from __future__ import annotations

from collections.abc import Callable

from api.cli.terminal import BAD_FILE, USAGE, fail, named


def given_token(
    token_file: str | None, client: str | None, token: str = ""
) -> Callable[[], str] | None:
    """Returns what gives the token of each request; None where none is given.

    `client`: a file that `aeo client new` wrote; its tokens are renewed in time. `token`: the one
    of the environment, where no file is given.
    """
    from api.access.client_tokens import read_client_file
    from api.access.renewed_tokens import RenewedToken

    if token_file is not None and client is not None:
        fail(USAGE, "--client: found --token-file, too; wanted one of them")
    try:
        if client is not None:
            read_client_file(named(client))
            return RenewedToken(named(client))
        if token_file is not None:
            token = named(token_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        fail(BAD_FILE, f"{'--client' if client else '--token-file'}: {error}")
    return (lambda: token) if token else None

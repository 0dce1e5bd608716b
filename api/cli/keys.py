"""Commands for keys: of an administration that signs its decisions, and of receipts. They run where
the key is."""

from __future__ import annotations

import json
import os
import secrets
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import BAD_FILE, HOME, REFUSED, USAGE, Home, fail, home_of, named


def new_key(
    administration: Annotated[str, typer.Argument(help="The code of the administration: KR.")],
    out: Annotated[Path, typer.Option(help="The new file for the secret key.")],
) -> None:
    """Make a key with which an administration signs its decisions, and print the public part.

    Register it with `add_key`. Make two keys: a lost key can only be replaced with the help of
    another.
    """
    from registry.domain.values import AdministrationCode
    from registry.transparency.signed_notes import ED25519, Signer

    try:
        code = AdministrationCode.parse(administration)
    except ValueError as error:
        fail(USAGE, str(error))
    seed = secrets.token_bytes(32)
    try:
        file = os.open(named(str(out)), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(REFUSED, f"{out}: {error.strerror}")
    with open(file, "w", encoding="utf-8") as writing:
        writing.write(f"{code} {b64encode(seed).decode()}\n")
    print(Signer.of_seed(code.text, ED25519, seed).key)


def sign_commands(
    file: Annotated[
        Path, typer.Argument(help="Commands, one JSON object a line; - for standard input.")
    ],
    key: Annotated[Path, typer.Option(help="The key file that new-key wrote.")],
) -> None:
    """Sign each command of a file, and print the lines for `aeo import` or for a mutation's input.

    A command without an id gets one, because a signature is valid for one command only.
    """
    from uuid import uuid4

    from msgspec.json import decode
    from msgspec.structs import replace

    from registry.domain import commands as c
    from registry.domain.errors import BadValue
    from registry.domain.signatures import sign
    from registry.transparency.signed_notes import ED25519, Signer

    try:
        code, _, seed = named(str(key)).read_text(encoding="utf-8").strip().partition(" ")
        signer = Signer.of_seed(code, ED25519, b64decode(seed, validate=True))
    except OSError as error:
        fail(BAD_FILE, f"{key} cannot be read: {error.strerror}")
    except ValueError:
        fail(BAD_FILE, f"{key} holds no key: make one with new-key")
    try:
        source = sys.stdin if str(file) == "-" else named(str(file)).open(encoding="utf-8-sig")
        lines = source.read()
    except (OSError, UnicodeDecodeError) as error:
        fail(BAD_FILE, f"{file} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}")
    done = []
    for number, line in enumerate(
        lines.split("\n"), start=1
    ):  # not splitlines(): texts may contain other line separators
        if not line.strip():
            continue
        try:
            command = c.read(decode(line))
        except (ValueError, AttributeError, RecursionError, BadValue) as error:
            fail(BAD_FILE, f"line {number}: {error}")
        signed = sign(replace(command, command_id=command.command_id or uuid4()), signer)
        done.append(json.dumps(c.plain(signed), ensure_ascii=False))
    for line in done:  # after all lines were signed, so that no partial output looks complete
        print(line)


def new_receipt_key(home: Home = HOME) -> None:
    """Replace the key that signs receipts and certificates, and print the name of the new one.

    The public key of the one before stays published at /log/receipt-keys and /.well-known/did.json,
    so that what it signed stays verifiable. A service that runs signs with the new key at once.
    """
    from api.credentials.keys import renew

    folder = home_of(home)
    if not folder.is_dir():
        fail(BAD_FILE, f"{folder} is no folder of a register")
    print(renew(folder))

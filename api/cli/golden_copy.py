"""Commands for golden copies: make one, make a delta, fold deltas onto a copy, verify."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from api.cli.terminal import (
    BAD_FILE,
    EXIT_CODES,
    HOME,
    REFUSED,
    USAGE,
    Home,
    Json,
    fail,
    home_of,
    instant,
    named,
    print_json,
    progress,
    register,
    shown,
    word,
)

if TYPE_CHECKING:
    from api.golden_copy.manifest import Manifest
    from registry.transparency.signed_notes import VerifierKey

app = typer.Typer(
    help="Golden copies: all that a partner may see, as signed files.", no_args_is_help=True
)
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The verifier key that must have signed, or a file of keys. Default: this home's own.",
    ),
]


@app.command(epilog=EXIT_CODES)
def make(
    partner: Annotated[
        str, typer.Option("--for", metavar="CODE", help="The partner whose copy it is.")
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="The new folder. Default: where the partner downloads it from the service.",
        ),
    ] = None,
    position: Annotated[
        int | None,
        typer.Option(min=1, help="Of an earlier position. Default: the last one that is signed."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="As of an instant: the last position recorded by then, in valid time."),
    ] = None,
    xml: Annotated[
        bool, typer.Option("--xml", help="Also as an XML message of the profile.")
    ] = False,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Make the golden copy of a partner: CSV, JSON lines and Parquet, compressed, with a signed
    manifest.

    The copy has what the partner may see, and the recognition of each operator in its territory
    over all of valid time. Made again at the same position it is the same byte for byte.
    """
    from api.golden_copy.daily import copies_of
    from api.golden_copy.making import CopyOrder, make_copy
    from api.golden_copy.signing import open_signer
    from projections.history.golden_copy_reads import NoSuchPosition
    from registry.domain.values import AdministrationCode

    code = word(AdministrationCode, partner.strip().upper(), "--for")
    order = CopyOrder(code, position, instant(at), xml)
    with register(home) as url, progress(f"golden copy for {code}") as bar:
        signer = open_signer(home_of(home))
        try:
            folder, manifest = asyncio.run(
                make_copy(
                    url,
                    order,
                    lambda moment: (
                        named(out) if out else copies_of(home_of(home), code) / moment.name
                    ),
                    signer,
                    lambda done: bar(done, 0),
                )
            )
        except (NoSuchPosition, FileExistsError) as error:
            fail(REFUSED, str(error))
    _report(folder, manifest, str(signer.key), as_json)


@app.command(epilog=EXIT_CODES)
def delta(
    earlier: Annotated[str, typer.Option("--from", help="A copy's folder, or a position.")],
    later: Annotated[str, typer.Option("--to", help="A later copy's folder, or a position.")],
    out: Annotated[str, typer.Option(metavar="FOLDER", help="The new folder.")],
    partner: Annotated[
        str | None, typer.Option("--for", metavar="CODE", help="The partner; for positions.")
    ] = None,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Make the delta between two golden copies, or between two positions."""
    from api.golden_copy.deltas import make_delta
    from api.golden_copy.manifest import BadCopy
    from api.golden_copy.signing import open_signer
    from projections.history.golden_copy_reads import NoSuchPosition

    signer = open_signer(home_of(home))
    with tempfile.TemporaryDirectory(prefix="aeo-golden-copy-") as room:
        try:
            folders = [
                _of_position(each, partner, home, Path(room)) if each.isdecimal() else named(each)
                for each in (earlier, later)
            ]
            manifest = make_delta(folders[0], folders[1], named(out), signer)
        except BadCopy as error:
            fail(BAD_FILE, str(error))
        except (NoSuchPosition, FileExistsError, ValueError) as error:
            fail(REFUSED, str(error))
    _report(named(out), manifest, str(signer.key), as_json)


@app.command(epilog=EXIT_CODES)
def fold(
    copy: Annotated[str, typer.Argument(metavar="COPY", help="The folder of a golden copy.")],
    deltas: Annotated[list[str], typer.Argument(metavar="DELTA", help="Deltas, in their order.")],
    out: Annotated[str, typer.Option(metavar="FOLDER", help="The new folder.")],
    keys: Keys = None,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Fold deltas onto a golden copy: the result is the later copy, byte for byte.

    Every file and signature is verified first. Where one is wrong or missing, or the deltas are in
    the wrong order, the file is named and nothing is written.
    """
    from api.golden_copy.deltas import fold as folded
    from api.golden_copy.manifest import BadCopy

    pinned = keys_of(keys, home)
    try:
        manifest = folded(named(copy), [named(each) for each in deltas], named(out), pinned)
    except BadCopy as error:
        fail(BAD_FILE, str(error))
    except FileExistsError as error:
        fail(REFUSED, str(error))
    _report(named(out), manifest, None, as_json)


@app.command(epilog=EXIT_CODES)
def verify(
    copy: Annotated[str, typer.Argument(metavar="COPY", help="The folder of a golden copy.")],
    keys: Keys = None,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Verify the signature of a golden copy or a delta, and each of its files."""
    from api.golden_copy.deltas import require_copy
    from api.golden_copy.manifest import COPY, DELTA, MANIFEST, BadCopy

    pinned, folder = keys_of(keys, home), named(copy)
    try:
        is_delta = DELTA.encode() in (folder / MANIFEST).read_bytes()
        manifest = require_copy(folder, pinned, DELTA if is_delta else COPY)
    except OSError as error:
        fail(BAD_FILE, str(error))
    except BadCopy as error:
        fail(BAD_FILE, str(error))
    _report(folder, manifest, None, as_json)


def keys_of(given: list[str] | None, home: str) -> list[VerifierKey]:
    """The keys of an option `--key`; by default the key of this home. Exits with 2."""
    from api.golden_copy.signing import KEY, open_signer

    if given:
        return keys_given(given)
    if not (home_of(home) / KEY).exists():
        fail(USAGE, "--key: found none, wanted the verifier key that the administration gave")
    return [open_signer(home_of(home)).key]


def keys_given(given: list[str]) -> list[VerifierKey]:
    """The verifier keys of an option: each a key, or a file with one a line. Exits with 2."""
    from registry.transparency.signed_notes import BadNote, read_key

    found = []
    for text in given:
        try:
            lines = [text] if "+" in text else named(text).read_text(encoding="utf-8").split()
            found += [read_key(line) for line in lines]
        except (BadNote, OSError) as error:
            _bad_key(text, error)
    return found


def _bad_key(text: str, error: Exception) -> NoReturn:
    fail(USAGE, f"--key {text}: {error}")


def _of_position(position: str, partner: str | None, home: str, room: Path) -> Path:
    from api.golden_copy.making import CopyOrder, make_copy
    from api.golden_copy.signing import open_signer
    from registry.domain.values import AdministrationCode

    if partner is None:
        fail(
            USAGE, "--for: found nothing, wanted the partner whose copies of these positions to use"
        )
    code = word(AdministrationCode, partner.strip().upper(), "--for")
    order, signer = CopyOrder(code, int(position)), open_signer(home_of(home))
    with register(home) as url:
        where, _ = asyncio.run(make_copy(url, order, lambda _: room / position, signer))
    return where


def _report(folder: Path, manifest: Manifest, key: str | None, as_json: bool) -> None:
    moment = manifest.moment
    rows = max((file.rows or 0 for file in manifest.files.values()), default=0)
    size = sum(file.bytes for file in manifest.files.values())
    report = {
        "folder": str(folder),
        "partner": manifest.partner,
        "position": moment.position,
        "epoch": moment.epoch,
        "at": moment.at,
        "knownAt": moment.known_at,
        "since": manifest.base and manifest.base.position,
        "bytes": size,
        "files": {name: file.rows for name, file in manifest.files.items()},
        "key": key,
    }
    if as_json:
        print_json(report)
        return
    operators = next(
        (f.rows for name, f in manifest.files.items() if name.endswith("s.jsonl.zst")), rows
    )
    kind = "records of operators" if manifest.base is None else "changed records"
    print(f"{folder}: {operators:,} {kind} for {manifest.partner}, {size:,} bytes")
    print(
        f"  position {moment.position:,}, at {shown(moment.at)}, known at {shown(moment.known_at)}"
    )
    if key:
        print(f"  signed with {key}")

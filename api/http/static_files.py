"""Static files of the pages, cacheable for ever under a name that contains the hash of the content.

`/static/style.3f0c91ab52d4.css` and `/static/style.css` are the same file; the plain name is
validated each time. A name with another hash is not found, so nothing is cached for ever under a
name that means something else later.
"""

from __future__ import annotations

import asyncio
import os
import re
from functools import cache, lru_cache
from hashlib import sha256
from mimetypes import guess_type
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http import compression
from api.http.conditional import ASK_AGAIN, tagged
from registry.paths import STATIC

FOR_EVER = "public, max-age=31536000, immutable"

_HASHED = re.compile(r"(?P<begin>.+)\.(?P<hash>[0-9a-f]{12})(?P<end>\.[A-Za-z0-9]+)")
#: References to static files in a page or a script.
_NAMED = re.compile(r'"/static/([A-Za-z0-9_./-]+)"')


@cache
def names() -> frozenset[str]:
    """Returns the names of the static files, relative to their folder. The folder is read once in a
    process: a file that is added later is not served."""
    files = (file for file in STATIC.rglob("*") if file.is_file() and "." in file.name)
    return frozenset(file.relative_to(STATIC).as_posix() for file in files)


def named_by_content(text: str) -> str:
    """Returns a page, a script or a style with its plain references to static files replaced by
    hashed names."""
    return _NAMED.sub(lambda found: f'"{address(found[1])}"', text)


@cache
def content(name: str) -> bytes:
    """Returns a file as it is served: references in a script or a style have hashed names. Raises
    OSError."""
    read = (STATIC / name).read_bytes()
    if not name.endswith((".js", ".css")) or name.startswith("vendor/"):
        return read
    return named_by_content(read.decode()).encode()


@cache
def _hash(name: str) -> str:
    return sha256(content(name)).hexdigest()


@cache
def address(name: str) -> str:
    """Returns `/static/` and the name with the hash of its content. Raises OSError for what is no
    file."""
    begin, dot, end = name.rpartition(".")
    return f"/static/{begin}.{_hash(name)[:12]}{dot}{end}"


@lru_cache(maxsize=256)
def _compressed(name: str, coding: str) -> bytes:
    return compression.compress(coding, content(name))


class Files(StaticFiles):
    """Serves `STATIC`, and answers conditional requests by the hash of the content."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns the file. Raises HTTPException: 404 for an unknown name, 405 for another method
        than GET or HEAD."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        cache_control = ASK_AGAIN
        if found := _HASHED.fullmatch(path):
            path, cache_control = found["begin"] + found["end"], FOR_EVER
        name = path.replace(os.sep, "/")
        if name not in names():
            raise HTTPException(404)
        whole = await asyncio.to_thread(_hash, name)
        if found and found["hash"] != whole[:12]:
            raise HTTPException(404)
        return await _given(name, whole, cache_control, scope)


async def _given(name: str, whole: str, cache_control: str, scope: Scope) -> Response:
    request_headers = {key.lower(): value for key, value in scope["headers"]}
    headers: dict[str, Any] = {
        "ETag": f'"{whole[:32]}"',
        "Cache-Control": cache_control,
        "X-Content-Type-Options": "nosniff",
    }
    if tagged(f'"{whole[:32]}"', request_headers.get(b"if-none-match", b"").decode("latin-1")):
        return Response(status_code=304, headers=headers)
    kind = guess_type(name)[0] or "text/plain"
    body = content(name)
    want = compression.wanted(request_headers.get(b"accept-encoding", b""))
    text = compression.may_be_compressed(kind.encode("ascii"))
    if want.coding and text and len(body) >= compression.LEAST:
        body = await asyncio.to_thread(_compressed, name, want.coding)
        headers |= {"Content-Encoding": want.coding, "ETag": f'W/"{whole[:32]}"'}
    return Response(body, headers=headers, media_type=kind)

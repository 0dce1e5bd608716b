"""An answer is sent in the encoding that its subject reads: gzip, br, zstd, or as it is."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import brotli
import pytest
from starlette.types import Message

from api.http import compression
from api.http.compression import AS_IT_IS, LEAST, AcceptedCoding, compressing, wanted, zstd
from tests.api.client import AUDITOR, Client
from tests.api.http.test_exchanges import counted

CODINGS = ("gzip", "br", "zstd")
LOOKED_UP = 'agreement(id: "CN-KR-AEO") { id title }'
#: A question that the planner answers, with an answer that is longer than `LEAST`.
LONG = f"{{ {' '.join(f'{letter * 170}: {LOOKED_UP}' for letter in 'abcdefghi')} }}"
SHORT = '{ administration(code: "CN") { code } }'


def decoded(coding: str | None, body: bytes) -> bytes:
    match coding:
        case "gzip":
            return zlib.decompress(body, 31)
        case "br":
            return bytes(brotli.decompress(body))
        case "zstd":
            return zstd.decompress(body)
    return body


def raw(counter: Client, method: str, path: str, accept: str, **said: Any) -> tuple[Any, bytes]:
    """The response, and its body as it was sent."""

    async def asked() -> tuple[Any, bytes]:
        headers = {"accept-encoding": accept, **said.pop("headers", {})}
        async with counter.http.stream(method, path, headers=headers, **said) as answer:
            return answer, b"".join([part async for part in answer.aiter_raw()])

    return counter._runner.run(asked())


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("GZIP", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("gzip;q=0, *;q=0", None),
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=x", None),
        (";;,,;q=", None),
        ("*;q=0", None),
    ],
)
def test_the_encoding_is_the_one_that_the_subject_weighs_most(
    accept: str, answered: str | None
) -> None:
    assert wanted(accept.encode()).coding == answered


def test_who_refuses_identity_has_small_answers_compressed_too(counter: Client) -> None:
    assert wanted(b"gzip, identity;q=0") == AcceptedCoding("gzip", True)
    assert wanted(b"gzip, *;q=0") == AcceptedCoding("gzip", True)
    assert wanted(b"deflate, identity;q=0") == AS_IT_IS

    answer, body = raw(counter, "POST", "/graphql", "gzip, *;q=0", json={"query": SHORT})

    assert answer.headers["content-encoding"] == "gzip"
    assert b"CN" in decoded("gzip", body)


@pytest.mark.parametrize("coding", [*CODINGS, None])
@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/graphql", {"json": {"query": LONG}}),  # planned: the fast path
        ("POST", "/graphql", {"json": {"query": "{ " + "no" * 900 + " }"}}),  # 400
        ("GET", "/graphql", {"params": {"query": LONG}}),
        ("GET", "/", {}),
        ("GET", "/nowhere", {}),
        ("GET", "/static/style.css", {}),
        ("GET", "/metrics", {}),
        ("GET", "/aeo-verify", {}),
    ],
)
def test_every_long_answer_of_text_is_compressed_as_asked(
    counter: Client, method: str, path: str, said: dict[str, Any], coding: str | None
) -> None:
    answer, body = raw(counter, method, path, coding or "identity", **said)
    plain, whole = raw(counter, method, path, "identity", **said)

    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-length"] == str(len(body))
    assert "accept-encoding" in answer.headers.get_list("vary")
    assert "accept-encoding" in plain.headers.get_list("vary")
    assert answer.status_code == plain.status_code
    assert len(whole) >= LEAST
    if path in ("/static/style.css", "/aeo-verify") or (answer.status_code == 200 and said):
        assert decoded(coding, body) == whole
    else:  # a request id, a form token, a count
        assert coding is None or len(body) < len(whole)


def test_what_the_database_wrote_is_compressed_too(counter: Client) -> None:
    """A planned answer is JSON text from the first, and is sent past everything else."""
    raw(counter, "POST", "/graphql", "gzip", json={"query": LONG})
    before = counted(counter, "aeo_planned")

    answer, body = raw(counter, "POST", "/graphql", "gzip", json={"query": LONG})

    assert counted(counter, "aeo_planned") == before + 1
    assert answer.headers["content-encoding"] == "gzip"
    assert len(body) < LEAST < len(decoded("gzip", body))


def test_an_answer_of_a_few_names_is_sent_as_it_is(counter: Client) -> None:
    answer, body = raw(counter, "POST", "/graphql", "gzip, br, zstd", json={"query": SHORT})

    assert "content-encoding" not in answer.headers
    assert body == b'{"data":{"administration":{"code":"CN"}}}'


def test_a_head_says_the_length_of_its_get(counter: Client) -> None:
    for path in ("/static/style.css", "/aeo-verify"):
        whole, body = raw(counter, "GET", path, "gzip")
        head, nothing = raw(counter, "HEAD", path, "gzip")
        assert (head.headers["content-encoding"], nothing) == ("gzip", b"")
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(body))


def test_an_answer_that_was_kept_is_known_again_whatever_its_encoding(counter: Client) -> None:
    answer, _ = raw(counter, "GET", "/aeo-verify", "br")
    tag = answer.headers["etag"]
    assert tag.startswith('W/"')
    for accept in ("br", "identity"):
        again, body = raw(counter, "GET", "/aeo-verify", accept, headers={"if-none-match": tag})
        assert (again.status_code, body) == (304, b"")
        assert "content-encoding" not in again.headers


def test_an_answer_that_commands_is_compressed_alike(counter: Client) -> None:
    document = f"mutation M {{ {'a' * 2_000}: __typename }}"
    shown = {"authorization": f"Bearer {_token(counter)}"}

    answer, body = raw(counter, "POST", "/graphql", "gzip", json={"query": document}, headers=shown)

    assert answer.headers["content-encoding"] == "gzip"
    assert b"Mutation" in decoded("gzip", body)


def _token(counter: Client) -> str:
    from api.access.tokens import issue

    return issue(AUDITOR, counter.home)


# ------------------------------------------------------------- message by message


def sent(want: AcceptedCoding, *messages: Message) -> list[Message]:
    found: list[Message] = []

    async def send(message: Message) -> None:
        found.append(message)

    async def run() -> None:
        into = compressing(send, want)
        for message in messages:
            await into(message)

    asyncio.run(run())
    return found


def start(status: int = 200, **headers: str) -> Message:
    listed = {"content_type": "application/json", **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in listed.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


def part(body: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


BODY = b'{"tin":"CN1234567890","outcome":"RECOGNISED"}' * 100


@pytest.mark.parametrize(
    "begun",
    [
        start(204),
        start(206),
        start(304),
        start(content_encoding="br"),
        start(content_range="x"),
        start(content_type="application/zip"),
        start(content_type="application/octet-stream"),
        start(content_type="image/png"),
        start(cache_control="no-transform"),
        {"type": "http.response.start", "status": 200},
    ],
)
def test_what_must_not_be_changed_is_not(begun: Message) -> None:
    assert sent(AcceptedCoding("gzip", True), begun, part(BODY)) == [begun, part(BODY)]


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_in_parts_is_readable_part_by_part(coding: str) -> None:
    rows = [BODY, b"", BODY[:10], BODY]

    begun, *parts = sent(
        AcceptedCoding(coding),
        start(content_length="9"),
        *(part(row, True) for row in rows),
        part(b""),
    )

    headers = dict(begun["headers"])
    assert headers[b"content-encoding"] == coding.encode()
    assert b"content-length" not in headers
    assert decoded(coding, b"".join(part["body"] for part in parts)) == b"".join(rows)
    assert _so_far(coding, [part["body"] for part in parts[:1]]) == rows[0]
    assert _so_far(coding, [part["body"] for part in parts[:3]]) == b"".join(rows[:3])


def _so_far(coding: str, parts: list[bytes]) -> bytes:
    """What a reader has of an answer that is not at its end."""
    if coding == "gzip":
        return zlib.decompressobj(31).decompress(b"".join(parts))
    if coding == "br":
        return bytes(brotli.Decompressor().process(b"".join(parts)))
    return zstd.ZstdDecompressor().decompress(b"".join(parts))


def test_a_very_long_answer_is_the_same_made_in_a_thread() -> None:
    body = BODY * (compression.LARGE // len(BODY) + 2)

    begun, whole = sent(AcceptedCoding("zstd"), start(), part(body))

    assert decoded("zstd", whole["body"]) == body
    assert dict(begun["headers"])[b"content-length"] == b"%d" % len(whole["body"])


def test_a_long_list_of_look_ups_shrinks_sixtyfold() -> None:
    """157 KB of `recognitions` became 2.6 KB: 1,000 answers alike."""
    row = b'{"outcome":"RECOGNISED","programme":"CN-AEO","reasons":[{"code":"VALID"}]},'
    body = b"[" + row * (157_000 // len(row)) + b"]"

    for coding in CODINGS:
        assert len(compression.compress(coding, body)) < 2_600


# ---------------------------------------------------------------- whether it may be kept


@pytest.mark.parametrize(
    ("method", "path", "kept"),
    [
        ("POST", "/graphql", "no-store"),
        ("GET", "/graphql", "no-store"),
        ("PUT", "/graphql", "no-store"),
        ("GET", "/", "no-store"),
        ("GET", "/nowhere", "no-store"),
        ("POST", "/", "no-store"),
        ("GET", "/healthz", "no-store"),
        ("GET", "/readyz", "no-store"),
        ("GET", "/metrics", "no-store"),
        ("GET", "/log/checkpoint", "max-age=1"),
        ("GET", "/static/none.css", "no-store"),
        ("GET", "/aeo-verify", "max-age=1"),
        ("OPTIONS", "/", "no-store"),
    ],
)
def test_every_answer_says_whether_it_may_be_kept(
    counter: Client, method: str, path: str, kept: str
) -> None:
    answer = counter.request(method, path)

    assert answer.headers.get_list("cache-control") == [kept]

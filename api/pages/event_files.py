"""The events of a filter as a file: CSV for a spreadsheet, JSON lines for a program.

A file is written while it is read, a page of a hundred events at a time, in the order of recording.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from api.languages.language import _, current, joined
from api.pages.downloads import CSV, MARK, csv_line, headers_of
from api.pages.event_filters import EventsFilter
from api.pages.labels import details, event_name
from api.pages.query import PageQuery, ask
from api.pages.render import language_of, page

FORMATS = {
    "csv": CSV,
    "jsonl": "application/jsonl; charset=utf-8",
}
MOST = 20_000  # events in one file
_SIZE = 100
EVENTS = """\
query EventsOfFile($filter: EventFilter, $after: String) {
  events(filter: $filter, first: 100, after: $after) {
    edges {
      node {
        position type about stream version effective decided decidedBy legalGround recordedAt
        knownAt corrects imported payload
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
COLUMNS = (
    *("position", "recorded_at", "known_at", "type", "event", "about", "effective", "decided"),
    *("decided_by", "legal_ground", "corrects", "imported", "details"),
)


async def answer(request: Request, wanted: EventsFilter, form: str) -> Response:
    """Returns the events that a filter selects as a file to download, which is written while it is
    read.

    `form`: `csv` or `jsonl`. The first events are read before the status is sent, so that a refusal
    is a page with status 403 (not allowed) or 400 (a bad filter). A later failure breaks the
    connection off, so that no file that lacks events looks whole. After MOST events a file
    ends, and its last line is the position in the log from which the next one goes on."""
    first = await _page(request, wanted, None)
    if first.data is None:
        status = 403 if first.forbidden else 400
        sentence = joined("; ", first.sentences)
        return page(request, "wrong.html", status=status, title=_("Events"), sentence=sentence)
    headers = headers_of(f"events.{form}")
    lines = _lines(request, wanted, form, first)
    return StreamingResponse(lines, 200, headers, media_type=FORMATS[form])


async def _page(request: Request, wanted: EventsFilter, after: str | None) -> PageQuery:
    return await ask(request, EVENTS, filter=wanted.given, after=after)


async def _lines(
    request: Request, wanted: EventsFilter, form: str, found: PageQuery
) -> AsyncIterator[bytes]:
    current.set(language_of(request))  # the body is sent by another task than the handler's
    write = _csv if form == "csv" else _json
    if form == "csv":
        yield MARK + csv_line(COLUMNS)
    count = 0
    while True:
        if found.data is None:
            # The connection is closed without an end, and the browser calls the file incomplete.
            raise RuntimeError(joined("; ", found.sentences))
        nodes = [edge["node"] for edge in found.data["events"]["edges"]]
        if nodes:
            yield b"".join(map(write, nodes))
        count += len(nodes)
        info = found.data["events"]["pageInfo"]
        if not info["hasNextPage"]:
            return
        if count >= MOST:
            yield _continued(form, nodes[-1]["position"] + 1)
            return
        found = await _page(request, wanted, info["endCursor"])


def _csv(event: dict[str, Any]) -> bytes:
    return csv_line(
        (
            *(event["position"], event["recordedAt"], event["knownAt"], event["type"]),
            *(event_name(event["type"]), event["about"], event["effective"], event["decided"]),
            *(event["decidedBy"], event["legalGround"], event["corrects"]),
            *("yes" if event["imported"] else "no", details(event["payload"])),
        )
    )


def _json(event: dict[str, Any]) -> bytes:
    return orjson.dumps(event) + b"\n"


def _continued(form: str, position: int) -> bytes:
    if form == "csv":
        return csv_line([f"continued from position {position}"])
    return orjson.dumps({"continuedFromPosition": position}) + b"\n"

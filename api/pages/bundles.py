"""The audit bundle of one operator or agreement as a download, which `aeo-verify` checks offline.

It is the file of `./aeo audit export`, with salts and whole events: only auditors get it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter, Request
from fastapi.responses import Response
from psycopg import IsolationLevel

from api.access.policy import SubjectRole
from api.audit.bundle import NothingToExport, Scope, export
from api.http.exchanges import KEY
from api.http.service import Service
from api.languages.language import _
from api.pages import parameters
from api.pages.downloads import headers_of
from api.pages.errors import PageRoute
from api.pages.query import context
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain.sentences import Sentence
from registry.domain.values import Tin
from registry.ledger.connections import Session

router = APIRouter(route_class=PageRoute)

#: Reads what an auditor may; a statement of a bundle never takes longer than this (milliseconds).
OPTIONS = "-c role=aeo_auditor -c timezone=UTC -c statement_timeout=15000"


#: Why only one of the two parameters is given.
ONE_SCOPE = Sentence("a bundle is of one operator or of one agreement")


@router.get("/audit/bundle")
async def bundle(request: Request) -> Response:
    """Answers with the bundle of `?operator=CN0000000012` or `?agreement=CN-KR-AEO`, as of the last
    signed head of the log."""
    asked = await context(request)
    if asked.subject.role is not SubjectRole.AUDITOR:
        return _refused(request, 403, _("A bundle has whole events, with what opens their leaves:"
                                        " only auditors get it."))  # fmt: skip
    scope = _scope(request)
    if scope is None:
        return _refused(
            request, 400, _("Say of what: an operator by its TIN, or an agreement by its code.")
        )
    service: Service = request.app.state.service
    policy = service.current_checkpoint.policy_text()
    if policy is None:
        return _refused(request, 503, _("The keys of the log are not kept here. Whoever signs it"
                                        " makes bundles by: aeo audit export"))  # fmt: skip
    start = time.monotonic()
    try:
        content = await asyncio.to_thread(
            _made, service.settings.database, scope, policy.decode("utf-8")
        )
    except NothingToExport as nothing:
        return _refused(request, 404, translated(str(nothing)))
    if (account := request.scope[KEY].account) is not None:
        service.quotas.spend(account, int((time.monotonic() - start) * 1_000_000))
    headers = headers_of(f"{scope.id}.zip")
    return Response(content, 200, headers, "application/zip")


def _scope(request: Request) -> Scope | None:
    typed = {name: request.query_params.get(name, "").strip() for name in ("operator", "agreement")}
    if typed["operator"]:
        parameters.absent(request, ONE_SCOPE, "agreement")
    try:
        if typed["operator"]:
            return Scope("operator", Tin.parse(typed["operator"].upper()).text)
    except ValueError:
        return None
    code = typed["agreement"].upper()[:100]
    named = bool(code) and code.isascii() and code.replace("-", "").replace("_", "").isalnum()
    return Scope("agreement", code) if named else None


def _made(database: str, scope: Scope, policy: str) -> bytes:
    """The bundle. One operator's, or one agreement's, is small: it is read back whole."""
    with (
        TemporaryDirectory(prefix="aeo-bundle-") as folder,
        Session.connect(database, options=OPTIONS, connect_timeout=5) as connection,
    ):
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        file = Path(folder, "bundle.zip")
        export(connection, scope, file, policy)
        return file.read_bytes()


def _refused(request: Request, status: int, sentence: str) -> Response:
    return page(
        request, "wrong.html", status=status, title=_("No bundle"), sentence=sentence.rstrip(".")
    )

"""Quotas over HTTP: status 429 with Retry-After, and the headers RateLimit-Policy and RateLimit on
every answer to a request that was counted."""

from __future__ import annotations

from starlette.types import Scope

from api.access.policy import Subject, SubjectRole
from api.access.presented import client_address
from api.access.quotas import QuotaAccount, QuotaExceeded
from api.graphql.errors import RequestDeclined
from api.http.exchanges import KEY, Exchange
from api.http.service import Service


def account_of(service: Service, subject: Subject, scope: Scope) -> QuotaAccount:
    """The account in which the requests of a subject are counted; the public has one for each
    address."""
    if subject.role is SubjectRole.PUBLIC:
        return service.quotas.of_address(client_address(scope, service.settings))
    return service.quotas.of_subject(subject)


def admit(service: Service, account: QuotaAccount, exchange: Exchange, work: int = 0) -> None:
    """Counts a request, whose answer then has the headers. `work`: microseconds that are known
    before. Raises RequestDeclined (429)."""
    exchange.account = account
    try:
        service.quotas.admit(account, work)
    except QuotaExceeded as error:
        raise declined_by(error) from None


def admit_subject(service: Service, subject: Subject, scope: Scope, work: int = 0) -> None:
    """The same for a request of a subject. Raises RequestDeclined (429)."""
    admit(service, account_of(service, subject, scope), scope[KEY], work)


def declined_by(error: QuotaExceeded) -> RequestDeclined:
    """The refusal of a request that exceeds a quota."""
    return RequestDeclined(
        429,
        "QUOTA_EXCEEDED",
        str(error),
        reason=error.by.upper(),
        Retry_After=str(error.seconds),
    )

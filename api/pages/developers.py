"""The page for a partner's programmer: from the first query to a running client."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import tokens
from api.access.policy import SubjectRole
from api.access.quotas import Quota
from api.access.token_reasons import TokenReason
from api.graphql import limits, paging
from api.graphql.codes import ERRORS, REFUSALS
from api.graphql.read_your_writes import MOST_WAIT
from api.languages.language import _
from api.pages.developer_steps import STEPS, text
from api.pages.errors import PageRoute
from api.pages.render import home_words, page
from api.settings import is_loopback

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class Example:
    """An example. `name`: of its file or files. `before`: what to install first."""

    title: str
    name: str
    before: str
    run: str

    @property
    def key(self) -> str:
        """The id of the example in the page."""
        return self.title.lower()

    @property
    def text(self) -> str:
        """The source text of the example."""
        return text(self.name)


ASKING = (
    Example("curl", "ask.sh", "", "sh ask.sh"),
    Example("Python", "ask_with_gql.py", 'pip install "gql[requests]"', "python3 ask_with_gql.py"),
    Example(
        "Apollo",
        "ask_with_apollo.mjs",
        "npm install @apollo/client graphql rxjs",
        "node ask_with_apollo.mjs",
    ),
    Example(
        "urql", "ask_with_urql.mjs", "npm install @urql/core graphql", "node ask_with_urql.mjs"
    ),
    Example(
        "Relay",
        "ask_with_relay.js",
        "npm install relay-runtime relay-compiler babel-plugin-relay graphql",
        "npx relay-compiler && your bundler",
    ),
    Example("Java", "Ask.java", "", "java Ask.java"),
)

#: Request headers, and what each does.
REQUEST_HEADERS = (
    (
        "Authorization",
        "Bearer, and the token. Without it you are the public. A token that is not "
        "good is refused (401), and never taken for none.",
    ),
    (
        "Content-Type",
        "application/json of a POST. A question may also be asked by GET, with query, "
        "variables and operationName in its address; a command may not.",
    ),
    (
        "Accept",
        "application/graphql-response+json (what is sent without it), or application/json, "
        "where a document that is wrong has the status 200. text/event-stream: the answers of a "
        "subscription, one event each.",
    ),
    ("Accept-Encoding", "br, zstd or gzip: long answers of text come in a fraction of their size."),
    (
        "Aeo-Min-Position",
        "EPOCH:POSITION of a receipt. The answer shows that command at least, or "
        "is 503 BEHIND. A position alone is taken, too.",
    ),
    (
        "Aeo-Cost",
        "true: the answer has extensions.cost: the work that the question asked for, "
        "the most that is done, and what is left of your quota.",
    ),
    ("Purpose", "What an operator is looked up for. It is stored in the read-log entry."),
    (
        "X-Request-Id",
        "Your own id of the request. It is in the answer, in every error and in the "
        "log; without one a new one is made.",
    ),
    (
        "Last-Event-ID",
        "The id of the last event of a stream, EPOCH:POSITION: what followed it is sent.",
    ),
    ("traceparent", "W3C Trace Context. The line of the request in the log names its trace."),
)
ANSWER_HEADERS = (
    ("X-Request-Id", "Say it when you ask somebody what happened."),
    ("Retry-After", "Whole seconds after which to ask again: with 429 and 503."),
    (
        "RateLimit-Policy",
        "Your quota: requests, and work in microseconds, each with q in w seconds"
        " (draft-ietf-httpapi-ratelimit-headers-10).",
    ),
    (
        "RateLimit",
        "What is left of it in all processes of the service (r), and the seconds until it is whole"
        " again (t). What other processes admitted in the last tenth of a second is not in it yet.",
    ),
    (
        "DPoP-Nonce",
        "The nonce that your next proof of possession must have, where the service asks for one.",
    ),
    ("WWW-Authenticate", "With 401: what is wrong with the token."),
    ("Aeo-Log-Head", "The last signed head of the public log, which nobody can take back."),
    ("Cache-Control", "no-store for an answer: what it says depends on who asks, and when."),
)

#: Events in the life of a client, and how a program handles them.
SITUATIONS = (
    (
        "503 BEHIND",
        "The read models do not show the position of Aeo-Min-Position yet. It has been "
        f"waited for {MOST_WAIT:g} seconds already: ask again after Retry-After.",
    ),
    (
        "503 BUSY, UNAVAILABLE",
        "Nothing was recorded. Ask again after Retry-After, and wait twice as long each time.",
    ),
    (
        "503 LOADING, NOT_BELIEVED",
        "The register is being loaded, or puts right what it answers "
        "from. Nothing was recorded. Ask again after some minutes.",
    ),
    (
        "503 OUTCOME_UNKNOWN, or no answer",
        "A command may have been recorded. Send the same one "
        "with the same commandId, until somebody answers: it is recorded once, and the answer is "
        "the first one.",
    ),
    (
        "503 DEADLINE",
        "The question is too much for the time that one has. Ask for smaller pages, or fewer keys.",
    ),
    (
        "429 QUOTA_EXCEEDED",
        "Your quota of this minute is used up: reason says REQUESTS or WORK. Ask again after "
        "Retry-After. Less work: keep the text of a question the same, and say what differs in "
        "variables; ask for many keys in one question; follow changes instead of asking again.",
    ),
    (
        "429 TOO_MANY_AT_ONCE",
        "Clients share the service, each with a queue of its own, and yours is "
        "full. Ask for many keys in one question, and not for each at once. Whoever is refused "
        "many times in a row waits longer for each refusal.",
    ),
    (
        "412 EPOCH",
        "The ledger was restored from a copy. The message names the position up to which "
        "yours is the same: read again from there, and send again what you sent after it, with the "
        "same commandIds.",
    ),
    (
        "a stream that ends",
        "Subscribe again with `next` and `epoch` of the last change: nothing is lost. A token "
        "that ends, ends the stream (WebSocket: 4401); so does a restart of the service.",
    ),
    (
        "TOO_MANY_SUBSCRIPTIONS",
        "End one of yours, or let several programs of yours share one.",
    ),
    (
        "401 UNAUTHENTICATED",
        "Have another token. Asking again with the same one changes nothing. `reason` says what is"
        " wrong with this one; WWW-Authenticate names the metadata in which the issuers are.",
    ),
    (
        "503 ISSUER_UNREACHABLE",
        "Whoever issued your token does not answer, so it cannot be checked. Ask again.",
    ),
    (
        "UNKNOWN",
        "An answer, and not an error: the reasons say what nobody knows. STALE_DATA, "
        "DATE_UNCERTAIN and NO_INFORMATION are neither a yes nor a no. Go by your own rule for an "
        "operator of which nothing is known, and ask again later.",
    ),
    (
        "Refused",
        "The command was understood and is not allowed: code says why, path names the "
        "field. Sending it again changes nothing. STALE_VERSION: somebody was faster; read, and "
        "decide anew with a new commandId.",
    ),
    (
        "an enum value that you do not know",
        "More may be added at any time: take it for something else, and go on.",
    ),
)


@router.get("/developers")
async def developers(request: Request) -> Response:
    """Shows how to use the API: tokens, limits, errors and examples."""
    demo = request.app.state.settings.demo
    return page(
        request,
        "developers.html",
        title=_("Developers"),
        address=_address(request),
        offers_demo=demo,
        home_words=home_words(request.app.state.settings.home),
        life=tokens.LIFE,
        accepts=request.app.state.service.authenticator.accepts,
        steps=STEPS,
        asking=ASKING,
        answer=text("answer.json"),
        has_issuers=bool(request.app.state.service.authenticator.verifier.issuers),
        access_token=text("access_token.py"),
        reasons=[(reason.name, reason.value) for reason in TokenReason],
        sync=text("sync.py"),
        command=text("command.py"),
        follow=text("follow.sh"),
        register_webhook=text("register_webhook.sh"),
        webhook=text("webhook.py"),
        webhook_timeout=request.app.state.settings.webhook_timeout,
        webhook_hours=request.app.state.settings.webhook_hours,
        relay=text("../relay.config.json"),
        request_headers=REQUEST_HEADERS,
        answer_headers=ANSWER_HEADERS,
        situations=SITUATIONS,
        errors=ERRORS,
        refusals=REFUSALS,
        limits=_limits(request),
        batches=sorted(limits.BATCHES),
    )


def _address(request: Request) -> str:
    """Returns the service's address as the reader reaches it.

    For another machine it is https: the proxy in front of the service terminates TLS, and the
    service sees plain HTTP.
    """
    host = request.url.hostname or "localhost"
    scheme = request.url.scheme if is_loopback(host) else "https"
    return f"{scheme}://{request.url.netloc}"


#: Whose requests are counted together, by role.
COUNTED = {
    SubjectRole.PUBLIC: "an address without a token",
    SubjectRole.COMPANY: "a company",
    SubjectRole.PARTNER: "a partner administration",
    SubjectRole.OFFICER: "the officers of an administration",
    SubjectRole.AUDITOR: "the auditors",
}


def _quotas(request: Request) -> list[tuple[str, Quota]]:
    """Returns the quotas of the roles of subjects, as they are in force."""
    quotas = request.app.state.service.quotas
    return [(name, quotas.quota(role.value, role.value)) for role, name in COUNTED.items()]


def _limits(request: Request) -> list[tuple[str, str]]:
    """Returns the limits of requests."""
    settings, most = request.app.state.settings, limits.MOST
    return [
        (
            "Bytes of a request",
            f"{limits.BODY:,}; {limits.BATCH_BODY:,} of look-ups alone, "
            f"{limits.DECLARATIONS_BODY:,} of recognitionsOf",
        ),
        ("Keys of a look-up", f"{paging.MOST_KEYS:,}"),
        ("Rows of a page", f"{paging.LARGEST_PAGE}"),
        ("Levels, aliases, fields at the root", f"{most.depth}, {most.aliases}, {most.roots}"),
        ("Tokens of a document", f"{most.tokens}"),
        ("Work of a question", f"{limits.COST / 1e6:g} seconds, by its price"),
        ("Time of a question", f"{settings.deadline:g} seconds"),
        ("Subscriptions of a subject", f"{settings.subscriptions} in a process of the service"),
        ("Webhooks of an administration", f"{settings.webhooks_of_one}"),
        *(
            (
                f"Quota of {a_client}",
                f"{quota.requests:,} requests and {quota.work / 1e6:g} s of work a minute",
            )
            for a_client, quota in _quotas(request)
        ),
    ]

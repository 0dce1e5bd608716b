"""Quotas, the rate limit of each client: how many requests, and how much work, a minute allows.

Use is counted in accounts: one for each subject (`partner:KR`), for each client that has a quota of
its own, and for each address of the public. An account of this process knows what all processes
have admitted up to a tenth of a second ago (api/access/quota_counter.py), and what this one has
admitted since. The check is arithmetic in memory: no request waits for the database.

Windows are the minutes of UTC. The request that uses up an account is still answered, whatever its
work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from time import time

from prometheus_client import Counter as Metric

from api.access.policy import Subject, SubjectRole
from api.observability import counters
from registry.domain.sentences import Sentence

WINDOW = 60  # seconds
REMEMBERED = 50_000  # accounts of this minute; the addresses beyond them share one account

REFUSED = Metric(
    "aeo_quota_refused", "Requests refused by a quota, by the group of the client", ["group", "by"]
)


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be used in a minute. `work`: microseconds, by api/graphql/costs.py."""

    requests: int
    work: int
    #: The value of `RateLimit-Policy`.
    policy: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        text = (
            f'"requests";q={self.requests};w={WINDOW},'
            f' "work";q={self.work};qu="microseconds";w={WINDOW}'
        )
        object.__setattr__(self, "policy", text.encode())


SECOND = 1_000_000
#: The groups of clients, and the quota of an account of each group that has no row of its own. The
#: roles of subjects; `token-address`: token requests from one address; `token-client`: tokens
#: issued to one client.
DEFAULTS: Mapping[str, Quota] = {
    SubjectRole.PUBLIC.value: Quota(1_200, 10 * SECOND),
    SubjectRole.COMPANY.value: Quota(1_200, 10 * SECOND),
    SubjectRole.PARTNER.value: Quota(12_000, 60 * SECOND),
    SubjectRole.OFFICER.value: Quota(12_000, 60 * SECOND),
    SubjectRole.AUDITOR.value: Quota(12_000, 60 * SECOND),
    "token-address": Quota(600, 10 * SECOND),
    "token-client": Quota(60, 10 * SECOND),
}

#: (kind, name) -> quota; kind: group, subject or client.
QuotaRows = Mapping[tuple[str, str], Quota]


class QuotaExceeded(Exception):
    """An account is used up until the end of the minute. The message is a sentence. `by`: which of
    its two limits; `seconds`: until the next minute."""

    def __init__(self, sentence: str, by: str, seconds: int) -> None:
        super().__init__(sentence)
        self.by, self.seconds = by, seconds


class QuotaAccount:
    """What one account has used in a minute.

    `requests`, `work`: of all processes, as far as is known here. `new_requests`, `new_work`: the
    part of it that the other processes do not know yet.
    """

    __slots__ = (
        "group",
        "minute",
        "name",
        "new_requests",
        "new_work",
        "quota",
        "quotas",
        "requests",
        "work",
    )

    def __init__(self, quotas: Quotas, name: str, group: str) -> None:
        self.quotas, self.name, self.group = quotas, name, group
        self.quota = quotas.quota(group, name)
        self.minute = self.requests = self.work = self.new_requests = self.new_work = 0

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """`RateLimit-Policy` and `RateLimit`, by draft-ietf-httpapi-ratelimit-headers-10."""
        quota, seconds = self.quota, seconds_left(self.quotas.clock())
        left = (
            max(0, quota.requests - self.requests),
            seconds,
            max(0, quota.work - self.work),
            seconds,
        )
        return (
            (b"ratelimit-policy", quota.policy),
            (b"ratelimit", b'"requests";r=%d;t=%d, "work";r=%d;t=%d' % left),
        )


def seconds_left(now: float) -> int:
    """Whole seconds until the next minute, at least 1."""
    return WINDOW - int(now) % WINDOW


#: What was used: account, minute, requests, work.
Use = tuple[QuotaAccount, int, int, int]


class Quotas:
    """The accounts of this process. `used`: called when there is use that others do not know."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        """`clock`: seconds since 1970."""
        self.clock = clock
        self.used: Callable[[], object] = lambda: None
        self._rows: QuotaRows = {}
        self._accounts: dict[str, QuotaAccount] = {}
        self._of_subjects: dict[Subject, QuotaAccount] = {}
        self._of_addresses: dict[str, QuotaAccount] = {}
        self._unsettled: dict[QuotaAccount, None] = {}
        self._late: list[Use] = []

    def of_subject(self, subject: Subject) -> QuotaAccount:
        """The account of a subject that has a token."""
        found = self._of_subjects.get(subject)
        if found is None:
            own = subject.agent and ("client", subject.actor) in self._rows
            name = subject.actor if own else subject.id
            found = self._of_subjects[subject] = self.of(subject.role.value, name)
        return found

    def of_address(self, address: str, group: str = SubjectRole.PUBLIC.value) -> QuotaAccount:
        """The account of an address. Of IPv6, whoever has one address has its /64."""
        key = f"{group} {address}"
        found = self._of_addresses.get(key)
        if found is None:
            found = self.of(group, f"{group} {_network(address)}")
            self._of_addresses[key] = found
        return found

    def of(self, group: str, name: str) -> QuotaAccount:
        """The account with this name."""
        found = self._accounts.get(name)
        if found is None:
            if len(self._accounts) >= REMEMBERED:
                name = f"{group} others"
            found = self._accounts.setdefault(name, QuotaAccount(self, name, group))
        return found

    def quota(self, group: str, name: str) -> Quota:
        """The quota of an account: of the client, else of the subject, else of the group."""
        rows = self._rows
        subject = name.partition("/")[0]
        return (
            rows.get(("client", name))
            or rows.get(("subject", subject))
            or rows.get(("group", group))
            or DEFAULTS[group]
        )

    def admit(self, account: QuotaAccount, work: int = 0) -> None:
        """Counts one request. Raises QuotaExceeded, and then counts nothing."""
        now = self.clock()
        minute = int(now) // WINDOW
        if account.minute != minute:
            self._turn(account, minute)
        quota = account.quota
        if account.requests >= quota.requests or account.work >= quota.work:
            raise self._exceeded(account, now)
        account.requests += 1
        account.new_requests += 1
        if work:
            account.work += work
            account.new_work += work
        if account not in self._unsettled:
            self._unsettled[account] = None
            self.used()

    def spend(self, account: QuotaAccount, work: int) -> None:
        """Counts the work of a request that was admitted. `work`: microseconds."""
        account.work += work
        account.new_work += work
        if account not in self._unsettled:
            self._unsettled[account] = None
            self.used()

    def _turn(self, account: QuotaAccount, minute: int) -> None:
        if account.new_requests or account.new_work:
            self._late.append((account, account.minute, account.new_requests, account.new_work))
        account.minute = minute
        account.requests = account.work = account.new_requests = account.new_work = 0

    def _exceeded(self, account: QuotaAccount, now: float) -> QuotaExceeded:
        quota, seconds = account.quota, seconds_left(now)
        by_requests = account.requests >= quota.requests
        what = (
            Sentence("%(number)s requests", number=quota.requests)
            if by_requests
            else Sentence("%(seconds)s s of work", seconds=f"{quota.work / SECOND:g}")
        )
        by = "requests" if by_requests else "work"
        counters.count(REFUSED.labels(account.group, by))
        sentence = Sentence(
            "The quota of %(name)s is used up: %(what)s in a minute. Ask again in %(seconds)s s.",
            name=account.name,
            what=what,
            seconds=seconds,
        )
        return QuotaExceeded(sentence, by, seconds)

    # ---------------------------------------------------------------- for the counter

    def unsettled(self) -> list[Use]:
        """Returns what others do not know yet; it counts as known from now on."""
        found, self._late = self._late, []
        for account in self._unsettled:
            if account.new_requests or account.new_work:
                found.append((account, account.minute, account.new_requests, account.new_work))
                account.new_requests = account.new_work = 0
        self._unsettled = {}
        return found

    def give_back(self, uses: list[Use]) -> None:
        """Takes back what could not be made known."""
        for account, minute, requests, work in uses:
            if account.minute == minute:
                account.new_requests += requests
                account.new_work += work
                self._unsettled[account] = None

    def learn(self, name: str, minute: int, requests: int, work: int) -> None:
        """Learns what all processes have used of an account."""
        account = self._accounts.get(name)
        if account is not None and account.minute == minute:
            account.requests = requests + account.new_requests
            account.work = work + account.new_work

    def adopt(self, rows: QuotaRows) -> None:
        """Quotas were changed: they are in force from now on."""
        if rows == self._rows:
            return
        self._rows = rows
        self._of_subjects.clear()
        for account in self._accounts.values():
            account.quota = self.quota(account.group, account.name)

    def forget(self) -> None:
        """Forgets the accounts that nobody used in this minute."""
        minute = int(self.clock()) // WINDOW
        used = {
            name: each
            for name, each in self._accounts.items()
            if each.minute == minute or each in self._unsettled
        }
        if len(used) < len(self._accounts):
            self._accounts = used
            self._of_subjects.clear()
            self._of_addresses.clear()


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return address

"""Two registers that know each other: Korea's, which is followed, and China's, which follows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from api.access.tokens import issue
from api.peers.follower import PeerFollower
from api.peers.transport import PeerClient
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.application.registry import Registry
from registry.ledger.database import environment
from tests.api.client import Client, record
from tests.keeping_log import is_signed

CHINA = "partner:CN"
AGREED = "2014-04-01"
_TYPES = {"CN": ["ADVANCED"], "KR": ["A", "AA"]}
WORLD: list[dict[str, Any]] = [
    *(
        {
            "command": "register_administration",
            "administration": code,
            "name": f"Customs of {code}",
            "time_zone": zone,
        }
        for code, zone in (("CN", "Asia/Shanghai"), ("KR", "Asia/Seoul"), ("JP", "Asia/Tokyo"))
    ),
    *(
        {
            "command": "register_programme",
            "programme": f"{code}-AEO",
            "administration": code,
            "name": "AEO",
            "types": types,
            "effective": "2008-04-01",
            "source": "a test",
        }
        for code, types in _TYPES.items()
    ),
    {
        "command": "propose_agreement",
        "id": "CN-KR-AEO",
        "kind": "AEO_MUTUAL_RECOGNITION",
        "title": "China and Korea",
        "parties": ["CN", "KR"],
        "effective": "2013-01-01",
        "source": "a notice",
    },
    {
        "command": "sign_agreement",
        "agreement": "CN-KR-AEO",
        "effective": "2013-06-01",
        "source": "a notice",
    },
    *(
        {
            "command": "implement_agreement",
            "agreement": "CN-KR-AEO",
            "side": side,
            "effective": AGREED,
            "source": "a notice",
        }
        for side in ("CN", "KR")
    ),
    *(
        {
            "command": "set_scope",
            "agreement": "CN-KR-AEO",
            "from": one,
            "to": other,
            "types": _TYPES[one],
            "programmes": [f"{one}-AEO"],
            "consent_required": True,
            "effective": AGREED,
            "source": "a notice",
        }
        for one, other in (("CN", "KR"), ("KR", "CN"))
    ),
]
_numbers = count(1)


def certified(tin: str, *, consents: bool = True) -> list[dict[str, Any]]:
    """What its home customs recorded of an operator, up to the grant."""
    home = tin[:2]
    partner = "CN" if home == "KR" else "KR"
    back = {"effective": "2024-01-02", "legal_ground": "a test"}
    said: list[dict[str, Any]] = [
        {"command": "register_operator", "tin": tin, "name": f"Operator {tin}"},
        {
            "command": "lodge_application",
            "tin": tin,
            "programme": f"{home}-AEO",
            "type": _TYPES[home][0],
            **back,
        },
        {"command": "accept_application", "tin": tin, **back},
        {"command": "start_examination", "tin": tin, **back},
        {"command": "grant_authorisation", "tin": tin, "number": f"No. {tin}", **back},
    ]
    if consents:
        said.append({"command": "give_consent", "tin": tin, "partner": partner})
    return said


def suspended(tin: str, why: str = "an examination") -> list[dict[str, Any]]:
    return [{"command": "suspend_authorisation", "tin": tin, "reason": why}]


class Register:
    """A register with its service in this process, in which things happen when a test says so."""

    def __init__(self, database: str, home: Path, own: str, peers: str) -> None:
        self.database, self.home = database, home
        self.registry = Registry(environment(database))
        record(self.registry, WORLD)
        self.client = Client(database, home, own=own, peers=peers)

    def happens(self, *lines: dict[str, Any]) -> None:
        """It is recorded, projected, taken into the log and signed."""
        record(self.registry, lines)
        self.shows()
        is_signed(self.database, self.home, Integrator(self.database).catch_up())

    def shows(self) -> None:
        Projector(self.database).catch_up()

    def asked(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def recognised(self, tin: str, territory: str) -> tuple[str, list[str]]:
        """What an auditor is told here."""
        self.shows()
        document = (
            "query Q($tin: TIN!, $in: AdministrationCode!) { recognition(tin: $tin, in: $in)"
            " { outcome reasons { code } } }"
        )
        found = self.client.ask(document, "auditor:*", **{"tin": tin, "in": territory})
        reasons = found["recognition"]["reasons"]
        return found["recognition"]["outcome"], [reason["code"] for reason in reasons]

    def streams(self, home: str) -> list[tuple[Any, ...]]:
        """The events of one administration's operators, as they were stored."""
        return self.asked(
            "select e.originator_id, e.originator_version, e.topic, e.state, e.decided_by,"
            " e.legal_ground from ledger.event e where e.originator_id in (select originator_id"
            " from ledger.event where topic = 'operator.registered'"
            " and state::json ->> 'administration' = %s)"
            " order by e.originator_id, e.originator_version",
            home,
        )

    def close(self) -> None:
        self.registry.close()


@contextmanager
def register(
    server: str, blank: str, home: Path, own: str = "KR", peers: str = "CN"
) -> Iterator[Register]:
    name = f"peering_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank} STRATEGY file_copy")
        found = Register(make_conninfo(server, dbname=name), home, own, peers)
        try:
            found.shows()
            with found.client:
                yield found
        finally:
            found.close()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class InProcess(PeerClient):
    """Asks a register whose service is in this process, over its HTTP interface."""

    def __init__(self, peer: Register, subject: str = CHINA) -> None:
        super().__init__("http://peer.test", lambda: issue(subject, peer.home))
        self.peer = peer
        self.asked: list[str] = []

    def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        self.asked.append(path)
        answer = self.peer.client.request(method, path, content=body, headers=headers)
        return answer.status_code, answer.content


def follower(
    here: Register,
    client: InProcess,
    administrations: Sequence[str] = ("KR",),
    name: str = "korea",
) -> PeerFollower:
    return PeerFollower(
        here.database,
        here.home,
        client,
        name=name,
        url="http://peer.test",
        administrations=administrations,
        key=client.keys()[0],
    )

"""Golden copies of the region for China, made as its register makes them."""

from __future__ import annotations

import asyncio
import random
import shutil
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from api.golden_copy.making import CopyOrder, make_copy
from api.golden_copy.signing import open_signer
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.errors import Refusal
from registry.domain.values import AdministrationCode
from registry.ledger.database import environment
from tests.api.client import Client
from tests.api.region import OPEN, QUIET, STEEL, Line, consent, operator
from tests.keeping_log import is_signed

CHINA = AdministrationCode("CN")
_numbers = count(10_000_000)
_made: list[str] = []  # TINs


def signed(at: Client) -> int:
    """Everything is in the log, and its head is signed. The size of the log."""
    size = Integrator(at.database).catch_up() or _size(at)
    is_signed(at.database, at.home, size)
    return size


def _size(at: Client) -> int:
    return at.last_position()


def copy(of: Client, folder: Path, **order: Any) -> Path:
    """A golden copy for China in this folder."""
    wanted = CopyOrder(order.pop("partner", CHINA), **order)
    where, _ = asyncio.run(make_copy(of.database, wanted, lambda _: folder, open_signer(of.home)))
    return where


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def duplicate(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def happenings(chance: random.Random) -> list[Line]:
    """A few commands about operators of Korea and the Union, and now and then about agreements;
    some of them the register refuses."""
    found = _new(chance)
    for _ in range(chance.randint(0, 6)):
        found += chance.choice(_ANY)(chance)
    return found


def _tin(chance: random.Random) -> str:
    return chance.choice([STEEL, OPEN, QUIET, *_made])


def _day(chance: random.Random) -> str:
    return (date(2026, 1, 1) + timedelta(days=chance.randint(0, 700))).isoformat()


def _new(chance: random.Random) -> list[Line]:
    _made.append(tin := f"KR{next(_numbers)}")
    name = chance.choice(
        ('Synthetic, "quoted"', "합성 전자; 주식회사", "Ünïcode <Ltd> & Co", "=1+1")
    )
    lines = operator(tin, name, "KR-AEO", chance.choice(("A", "AA")), f"N{tin}", "2020-03-02")
    return [{**lines[0], "address": "1 & <2>, Seoul"}, *lines[1:]]


def _about(command: str, **said: Any) -> Any:
    def made(chance: random.Random) -> list[Line]:
        line = {"command": command, "tin": _tin(chance), "legal_ground": "a law", **said}
        if chance.random() < 0.5:
            line["effective"] = _day(chance)
        if command in ("suspend_authorisation", "extend_suspension") and chance.random() < 0.5:
            line["until"] = _day(chance)
        return [line]

    return made


def _agreement(chance: random.Random) -> list[Line]:
    command = chance.choice(("suspend_agreement", "resume_agreement"))
    return [
        {
            "command": command,
            "agreement": "CN-KR-AEO",
            "side": "CN",
            "effective": _day(chance),
            "source": "a notice",
        }
    ]


def _identifier(chance: random.Random) -> list[Line]:
    value = f"KRAEO{chance.randint(1_000_000, 9_999_999)}"
    return [{"command": "add_identifier", "tin": _tin(chance), "scheme": "KR_AEO", "value": value}]


_ANY = [
    _new,
    _new,
    _about("suspend_authorisation", reason="books"),
    _about("suspend_authorisation", reason="books"),
    _about("lift_suspension"),
    _about("revoke_authorisation", reason="fraud"),
    _about("annul_authorisation", reason="fraud"),
    _about("surrender_authorisation"),
    _about("open_reassessment"),
    _about("amend_particulars", name="Renamed"),
    _about("give_consent", partner="CN"),
    _about("withdraw_consent", partner="CN"),
    lambda chance: [consent(OPEN, "2026-01-01", partner="CN")],
    _identifier,
    _agreement,
]


def happens(at: Client, lines: list[Line]) -> int:
    """Gives these commands, whatever is refused. How many were recorded."""
    registry, recorded = Registry(environment(at.database)), 0
    try:
        for line in lines:
            said = {key: value for key, value in line.items() if key != "known_at"}
            try:
                order = commands.read({**said, "command_id": str(uuid4())})
                recorded += len(registry.execute(order, "a test").positions)
            except Refusal:
                continue
    finally:
        registry.close()
    Projector(at.database).catch_up()
    return recorded

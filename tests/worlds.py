"""Made-up worlds: administrations, a bloc, agreements and operators with random pasts.

Every event is decided by the real decisions (what they refuse does not happen) and carries a
known-at instant of its own, so that a world can be read as it was known at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements import decisions as deciding
from registry.domain.agreements.events import Agreement, Party
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import Decision, civil_day_of
from registry.domain.errors import Refusal
from registry.domain.operators import (
    application_decisions,
    authorisation_decisions,
    consent_decisions,
    end_decisions,
    revocation_decisions,
    suspension_decisions,
)
from registry.domain.operators.events import Operator
from registry.domain.operators.list_decisions import list_operator
from registry.domain.programmes import Programme
from registry.domain.trigger import create_aggregate
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    DataChannel,
    Direction,
    HsCode,
    Role,
    Sense,
    Tin,
)

ZONES = ("Asia/Seoul", "Europe/Brussels", "America/New_York", "Pacific/Auckland", "UTC")
START = date(2020, 1, 1)
DAYS = 400
TYPES = ("ONE", "TWO")
SCHEMES = ("EORI", "MID")


@dataclass
class World:
    """Streams by the noun, each a list of events with their places and instants of knowledge."""

    territories: list[AdministrationCode]
    zones: dict[AdministrationCode, str]
    operators: list[list[TimedEvent[Any]]] = field(default_factory=list)
    agreements: list[list[TimedEvent[Any]]] = field(default_factory=list)
    administrations: list[list[TimedEvent[Any]]] = field(default_factory=list)
    programmes: list[list[TimedEvent[Any]]] = field(default_factory=list)


class Maker:
    """Makes one world of a seed, on administration codes that no other world uses."""

    def __init__(self, seed: int, codes: list[str]) -> None:
        self.random = random.Random(seed)
        a, b, d, bloc, member = (AdministrationCode(code) for code in codes)
        self.a, self.b, self.d, self.bloc, self.member = a, b, d, bloc, member
        zones = {code: self.random.choice(ZONES) for code in (a, b, d, bloc, member)}
        self.world = World([a, b, d, bloc, member], zones)
        self.programmes: dict[str, Programme] = {}
        self.position = 0

    def make(self) -> World:
        for code in self.world.territories:
            self._administration(code)
        for home in (self.a, self.bloc):
            self._programme(home)
        pairs = [
            (self.a, self.b),
            (self.a, self.bloc),
            (self.bloc, self.b),
            (self.b, self.a),
            (self.a, self.member),
        ]
        plurilateral = (self.a, self.b, self.d)
        chosen = self.random.sample([*pairs, plurilateral], k=self.random.randint(1, 3))
        for number, parties in enumerate(chosen):
            self._agreement(f"{self.a}-{number}", parties)
        for number, home in enumerate((self.a, self.member, self.a)):
            self._operator(home, number)
        return self.world

    # ------------------------------------------------------------- streams

    def _administration(self, code: AdministrationCode) -> None:
        administration = Administration(
            administration=code,
            name=str(code),
            time_zone=self.world.zones[code],
            effective=START,
            bloc=code == self.bloc,
            source="made up",
        )
        steps: list[Callable[[Decision], None]] = []
        if code == self.bloc:
            for sense in (Sense.UNION, Sense.CUSTOMS_TERRITORY):
                steps.append(lambda by, s=sense: administration.join(by, self.member, s))  # type: ignore[misc]
            if self.random.random() < 0.4:
                steps.append(
                    lambda by: administration.leave(by, self.member, Sense.CUSTOMS_TERRITORY)
                )
        if code == self.a and self.random.random() < 0.4:
            for _ in range(2):
                as_of = self._instant()
                steps.append(lambda by, at=as_of: administration.receive_list(by, at))  # type: ignore[misc]
            hours = self.random.choice((None, 24 * 10, 24 * 45))
            steps.append(
                lambda by: administration.declare_cadence(by, DataChannel.LIST, hours or 24 * 90)
            )
            self.random.shuffle(steps)
            if hours is None:
                steps.append(lambda by: administration.declare_cadence(by, DataChannel.LIST, None))
        self.world.administrations.append(self._live(administration, steps, self.world.zones[code]))

    def _programme(self, home: AdministrationCode) -> None:
        programme = Programme(
            programme=f"{home}-AEO",
            administration=home,
            time_zone=self.world.zones[home],
            name="made up",
            types=TYPES,
            effective=START,
            source="made up",
        )
        self.programmes[programme.programme] = programme
        steps: list[Callable[[Decision], None]] = []
        if self.random.random() < 0.5:
            until = self._day() if self.random.random() < 0.3 else None
            law = self.random.choice(("required", "per partner", "general", "general"))
            steps.append(lambda by: programme.set_rule(by, "sharing_consent", law, None, until))
            for partner in self.random.sample(self.world.territories, 3 * (law == "general")):
                until_then = self._day() if self.random.random() < 0.3 else None
                rule = f"adequate.{partner}"
                steps.append(
                    lambda by, r=rule, u=until_then: programme.set_rule(by, r, "adequate", until=u)  # type: ignore[misc]
                )
        steps.append(lambda by: programme.set_rule(by, "parts.ONE", "C+S", None, None))
        steps.append(lambda by: programme.set_rule(by, "recognised_part", "S", None, None))
        for rule in ("validity_end", "suspension_end"):
            if self.random.random() < 0.4:
                steps.append(lambda by, r=rule: programme.set_rule(by, r, "by decision"))  # type: ignore[misc]
        self.world.programmes.append(self._live(programme, steps, self.world.zones[home]))

    def _agreement(self, id: str, parties: tuple[AdministrationCode, ...]) -> None:
        agreement = Agreement(
            agreement=id,
            kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
            title="made up",
            parties=tuple(Party(p, self.world.zones[p]) for p in parties),
            effective=START,
            source="made up",
        )
        choose = self.random.choice
        steps: list[Callable[[Decision], None]] = []
        for _ in range(self.random.randint(2, 4)):
            pair = self.random.sample(parties, 2)
            steps.append(lambda by, p=pair: deciding.set_scope(agreement, self._clause(id, *p), by))  # type: ignore[misc]
        for side in parties:
            if self.random.random() < 0.85:
                earliest, latest = self._dates()
                implement = c.ImplementAgreement(
                    agreement=id,
                    side=side,
                    earliest=earliest,
                    latest=latest,
                    assumed=self.random.random() < 0.3,
                )
                steps.append(lambda by, i=implement: deciding.implement(agreement, i, by))  # type: ignore[misc]
        for _ in range(self.random.randint(0, 3)):
            side = choose(parties)
            how, what = choose(
                (
                    (deciding.suspend_side, c.SuspendAgreement),
                    (deciding.resume_side, c.ResumeAgreement),
                )
            )
            order = what(agreement=id, side=side, earliest=self._day())
            steps.append(lambda by, h=how, o=order: h(agreement, o, by))  # type: ignore[misc]
        if self.random.random() < 0.3:
            earliest, latest = self._dates()
            order_ = c.TerminateAgreement(agreement=id, earliest=earliest, latest=latest)
            steps.append(lambda by: deciding.terminate(agreement, order_, by))
        self.random.shuffle(steps)
        self.world.agreements.append(self._live(agreement, steps, "UTC"))

    def _clause(self, id: str, from_: AdministrationCode, to: AdministrationCode) -> c.SetScope:
        some = self.random.random
        earliest, latest = self._dates()
        return c.SetScope(
            agreement=id,
            from_=from_,
            to=to,
            types=self.random.choice((("ONE",), ("TWO",), TYPES, ("*",), ())),
            programmes=(f"{from_}-AEO",) if some() < 0.6 else (),
            roles=(self.random.choice((Role.EXPORTER, Role.CARRIER)),) if some() < 0.2 else (),
            direction=self.random.choice((None, None, Direction.IMPORT, Direction.EXPORT)),
            hs=(HsCode("07"), HsCode("1201")) if some() < 0.2 else (),
            crossings=("Heihe - Blagoveshchensk",) if some() < 0.2 else (),
            modes=("rail",) if some() < 0.1 else (),
            identifier_scheme=self.random.choice((None, None, *SCHEMES)),
            benefits=("fewer checks",) if some() < 0.3 else (),
            consent_required=some() < 0.25,
            max_age_hours=24 * 30 if some() < 0.3 else None,
            until=self._day() if some() < 0.15 else None,
            earliest=earliest,
            latest=latest,
            assumed=some() < 0.3,
        )

    def _operator(self, home: AdministrationCode, number: int) -> None:
        zone = self.world.zones[home]
        tin = Tin(f"{home}{number}")
        roles = self.random.choice(((), (Role.EXPORTER,), (Role.EXPORTER, Role.IMPORTER)))
        operator = create_aggregate(
            Operator,
            Operator.Registered,
            Operator.create_id(tin),
            {
                "tin": tin,
                "administration": home,
                "time_zone": zone,
                "name": "made up",
                "effective": START,
                "roles": roles,
            },
        )
        programme = f"{self.bloc if home == self.member else home}-AEO"
        partner = self.random.choice((self.b, self.bloc, self.a, self.member))
        scheme = self.random.choice(SCHEMES)
        kinds = self.random.choices(TYPES, k=2)
        orders: list[tuple[Callable[..., None], Any]] = [
            (consent_decisions.give_consent, c.GiveConsent(tin=tin, partner=partner)),
            (consent_decisions.withdraw_consent, c.WithdrawConsent(tin=tin, partner=partner)),
            (consent_decisions.give_consent, c.GiveConsent(tin=tin, partner=self.b)),
            (consent_decisions.give_consent, c.GiveConsent(tin=tin, general=True)),
            (consent_decisions.give_consent, c.GiveConsent(tin=tin, general=True)),
            (consent_decisions.withdraw_consent, c.WithdrawConsent(tin=tin, general=True)),
            (_add_identifier, (scheme, f"{tin}77")),
            (_end_identifier, (scheme, f"{tin}77")),
            (suspension_decisions.suspend, c.SuspendAuthorisation(tin=tin, reason="made up")),
            (
                suspension_decisions.suspend,
                c.SuspendAuthorisation(tin=tin, reason="made up", part="S"),
            ),
            (
                suspension_decisions.suspend,
                c.SuspendAuthorisation(
                    tin=tin,
                    reason="made up",
                    until=self._day(),
                    part=self.random.choice((None, "S")),
                ),
            ),
            (
                suspension_decisions.extend_suspension,
                c.ExtendSuspension(tin=tin, until=self._day()),
            ),
            (authorisation_decisions.renew, c.RenewAuthorisation(tin=tin, valid_until=self._day())),
            (end_decisions.expire, c.ExpireAuthorisation(tin=tin)),
            (record_ends, None),
            (suspension_decisions.lift_suspension, c.LiftSuspension(tin=tin)),
            (revocation_decisions.revoke, c.RevokeAuthorisation(tin=tin, reason="made up")),
            (revocation_decisions.annul, c.AnnulAuthorisation(tin=tin, reason="made up")),
            (revocation_decisions.surrender, c.SurrenderAuthorisation(tin=tin)),
            (authorisation_decisions.change_type, c.ChangeType(tin=tin, type="TWO")),
            (authorisation_decisions.open_reassessment, c.OpenReassessment(tin=tin)),
        ]
        list_ = {
            kind: c.ListOperator(
                tin=tin,
                programme=programme,
                type=kind,
                list_="made-up",
                read_on=START,
                since=self._day() if self.random.random() < 0.4 else None,
            )
            for kind in TYPES
        }
        for kind in kinds:
            orders += [(_list, list_[kind]), (_list, replace(list_[kind], since=None))]
            orders.append((_list, replace(list_[kind], since=None, absent=True)))
        self.random.shuffle(orders)
        grant = [
            order
            for n, kind in enumerate(kinds)
            for order in self._begun(programme, tin, kind, n, list_)
        ]
        chosen = orders[: self.random.randint(0, 9)]
        at = self.random.randint(0, min(2, len(chosen)))
        steps = [
            (lambda by, d=decide, o=order: d(operator, o, by))  # type: ignore[misc]
            for decide, order in [*chosen[:at], *grant, *chosen[at:]]
        ]
        self.world.operators.append(self._live(operator, steps, zone))

    def _begun(
        self, programme: str, tin: Tin, kind: str, n: int, lists: dict[str, c.ListOperator]
    ) -> list[tuple[Callable[..., None], Any]]:
        """How an authorisation comes to be known: from a list, or from application to grant."""
        if self.random.random() < 0.3:
            return [(_list, lists[kind])]
        until = self._day() if self.random.random() < 0.3 else None
        number = f"{tin}N{n}"
        return [
            (
                application_decisions.lodge,
                c.LodgeApplication(tin=tin, programme=programme, type=kind),
            ),
            (application_decisions.accept, c.AcceptApplication(tin=tin)),
            (
                application_decisions.grant,
                c.GrantAuthorisation(tin=tin, number=number, valid_until=until),
            ),
        ]

    # -------------------------------------------------------------- living

    def _live(
        self, item: Any, steps: list[Callable[[Decision], None]], zone: str
    ) -> list[TimedEvent[Any]]:
        """Take the steps in order, each known a little later; some reach back, some ahead."""
        known = self._instant(first=True)
        told = [(event, known) for event in item.collect_events()]
        for step in steps:
            known += timedelta(hours=self.random.randint(0, 24 * 30))
            today = civil_day_of(known, zone)
            shift = self.random.choice((0, 0, 0, -40, -10, 5, 30))
            by = Decision(
                today=today,
                effective=today + timedelta(days=shift) if shift else None,
                legal_ground="made up",
                source="made up",
                programme=self.programmes.__getitem__,
            )
            try:
                step(by)
            except Refusal:
                continue
            told += [(event, known) for event in item.collect_events()]
        events = []
        for event, at in told:
            self.position += 1
            events.append(TimedEvent(event, self.position, at))
        return events

    def _day(self) -> date:
        return START + timedelta(days=self.random.randint(0, DAYS))

    def _dates(self) -> tuple[date, date]:
        earliest = self._day()
        width = self.random.choice((0, 0, 0, 30, 90))
        never = self.random.random() < 0.1
        return earliest, date.max if never else earliest + timedelta(days=width)

    def _instant(self, first: bool = False) -> datetime:
        day = START + timedelta(days=self.random.randint(0, 60 if first else DAYS))
        return datetime(day.year, day.month, day.day, self.random.randint(0, 23), tzinfo=UTC)


def _list(operator: Operator, order: c.ListOperator, by: Decision) -> None:
    """A list is read on the day from which a decision of then would count, if it has come."""
    read = min(by.effective or by.today, by.today)
    list_operator(operator, replace(order, read_on=read), replace(by, effective=None))


def _add_identifier(operator: Operator, said: tuple[str, str], by: Decision) -> None:
    operator.trigger_event(Operator.IdentifierAdded, scheme=said[0], value=said[1], **by.envelope())


def record_ends(operator: Operator, _: None, by: Decision) -> None:
    """What the clerk does: records what ended by law so far."""
    for end in end_decisions.unrecorded(operator, by.today):
        command = c.RecordEnd(tin=operator.tin, authorisation=end.authorisation, what=end.what)
        end_decisions.record_end(operator, command, replace(by, effective=end.day))


def _end_identifier(operator: Operator, said: tuple[str, str], by: Decision) -> None:
    if said in operator.identifiers:
        operator.trigger_event(
            Operator.IdentifierEnded, scheme=said[0], value=said[1], **by.envelope()
        )

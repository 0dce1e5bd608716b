"""What the fields of a form about an agreement, a programme, a document or an administration offer
to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import Request

from api.pages.command_fields import Choice, Offered
from api.pages.labels import MEASURES, by_country, country, day, phrase
from api.pages.query import ask, context
from api.pages.record_file import RecordFile, open_proposals, own_sides
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.identifiers import schemes
from registry.domain.programme_rules import LIMITS, MEANINGS
from registry.domain.programmes import Programme
from registry.domain.second_person import rule_on
from registry.domain.second_person_decisions import NAMEABLE
from registry.domain.values import AdministrationCode

CLIENTS = "query Clients { clients { client name revoked keys { keyId retired } } }"


async def record_offers(request: Request, file: RecordFile, kind: type[c.Command]) -> Offered:
    """What the fields of a command's form offer, by the record that it is about."""
    asked = await context(request)
    if issubclass(kind, c.ClientCommand) and kind is not c.RegisterClient:
        return await _of_clients(request, kind)
    match file.record:
        case Agreement() as agreement:
            own = own_sides(asked.subject, file)
            parties = sorted(agreement.all_parties)
            return {
                "side": _codes(own if issubclass(kind, c.SideCommand) else parties),
                "member": _codes(
                    sorted(asked.subject.own - file.homes) if kind is c.AccedeToAgreement else own
                ),
                "to": _codes(own),
                "from": _codes(parties),
                "identifier_scheme": sorted(schemes()),
            }
        case Programme() as programme:
            recorded = {rule.rule for rule in programme.rules}
            return {"rule": sorted({*MEANINGS, *LIMITS, *recorded})}
        case Administration() as administration:
            return _of_administration(file, administration, kind, asked.subject.person)
    return {}


def first_answers(file: RecordFile, kind: type[c.Command]) -> dict[str, str]:
    """What stands in the fields of a new form that state the whole of something: what is on record
    now, so that nothing is dropped by leaving it out."""
    match file.record:
        case Administration() as administration if kind is c.RequireSecondPerson:
            rule = rule_on(administration.second_person, file.today)
            days = {"proposal_days": str(rule.days)} if rule.commands else {}
            return {f"commands.{name}": "yes" for name in rule.commands} | days
        case Programme() as programme if kind is c.SetTypes:
            return {"types": "\n".join(programme.types_on(file.today))}
    return {}


def _of_administration(
    file: RecordFile, administration: Administration, kind: type[c.Command], person: str | None
) -> Offered:
    mine = kind is c.WithdrawAdministrationProposal
    waiting = [
        Choice(
            str(id), f"{phrase(p.proposed.command['command'])}, {day(str(p.proposed.effective))}"
        )
        for id, p in open_proposals(file).items()
        if (p.proposed.proposer == person) is mine
    ]
    found: dict[str, Any] = {
        "commands": [Choice(name, phrase(name)) for name in sorted(NAMEABLE)],
        "proposal": waiting,
        "measure": list(MEASURES),
        "acts_for": [f"officer:{file.key}", f"partner:{file.key}"],
        "precision": ["day", "month", "year"],
    }
    if kind is c.RetireKey:
        found["key"] = [Choice(key, key[:60]) for key in administration.keys]
    if kind is c.LeaveBloc:
        found["member"] = _codes(sorted({member for member, _ in administration.members}))
    return found


async def _of_clients(request: Request, kind: type[c.Command]) -> Offered:
    """Returns the choices of a command about clients, by the name of its field: `client`, the
    programs registered by the subject's own administration and not revoked, and `key_id`, their
    public keys that are not retired. Both are empty for a subject that may not read them."""
    found = await ask(request, CLIENTS)
    clients = [each for each in (found.data or {}).get("clients", ()) if not each["revoked"]]
    return {
        "client": [Choice(e["client"], f"{e['name']} ({e['client']})") for e in clients],
        "key_id": [
            Choice(key["keyId"], f"{each['client']}: {key['keyId']}")
            for each in clients
            for key in each["keys"]
            if not key["retired"]
        ],
    }


def _codes(codes: Iterable[AdministrationCode]) -> list[Choice]:
    known = by_country(code.text for code in codes)
    return [Choice(code, f"{country(code)} ({code})") for code in known]

"""What every name of the schema means, so that each is described once, wherever it appears.

A field says what it means by its own `description`, else by its resolver's docstring, else here
by its name: the same name means the same thing everywhere.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from api.graphql.enum_descriptions import describe_values

MEANINGS = {
    "absent": "True: the list, read on that day, names the operator no longer with this type.",
    "address": "As the administration keeps it.",
    "administration": "The customs administration concerned.",
    "after": "The endCursor of the page before; null for the first page.",
    "agreement": "An agreement, by its code (CN-SG-AEO, AAMRA) or its global id.",
    "agreements": "The agreements concerned, by code.",
    "asked": "The administration that was asked.",
    "asOf": "The instant asked about, on both clocks; default now.",
    "assumed": "True where no source gives it and it was inferred from what they do give.",
    "at": "The instant whose law is answered.",
    "authorisation": "The number of the authorisation, or its application's reference. Needed "
    "only where more than one could be meant.",
    "barredUntil": "No new grant before this civil day. Default: what the programme's rules say.",
    "before": "The startCursor of the page behind; null for the end of the list.",
    "benefits": "What the importer's customs grants.",
    "bloc": "True: it has members, and no officers of its own territory.",
    "changes": "Each operator whose answer became another, in the order of recording.",
    "claimedBy": "The source of the claim, as the claim has it; null where it names none.",
    "code": "The code by which it is known.",
    "commandId": "A UUID of the sender's. The same again answers with the first result.",
    "commitment": "As keepParticulars answered it: SHA-256 over a salt and the particulars.",
    "condition": "all: every one of the states; willing: those that are willing.",
    "confidence": "How far the source can be trusted.",
    "conflicting": "True: the earlier sources stand too. False: this one replaces them.",
    "consentRequired": "True: only operators that consent to the partner are recognised.",
    "contains": "Words that are all somewhere in it, in any order and any language.",
    "crossing": "A border crossing, by its name or its two sides: Suifenhe-Pogranichny.",
    "crossings": "The border crossings that it covers; none: all.",
    "cursor": "Opaque; give it as `after`.",
    "date": "The civil day that it bears.",
    "days": "Calendar days. Default: what the programme's rules allow.",
    "deadline": "The civil day by which it was to be.",
    "decided": "The civil day on which it was decided; default today.",
    "decidedBy": "The administration that decided.",
    "declarationBox": "Where on the importer's declaration the identifier goes.",
    "details": "What else it says: an object of texts.",
    "direction": "Import or export; null: both.",
    "document": "A document, by its code or its global id.",
    "due": "The civil day by which.",
    "earliest": "The first civil day on which it can have been.",
    "edges": "The entries of this page, in order.",
    "effective": "The civil day from which it counts, in the authority's own zone. Default: what "
    "the programme's rules say, else today.",
    "expectedVersion": "Refused unless the stream is still at this version.",
    "explanation": "Why, in a sentence.",
    "filter": "Which ones; every condition given must hold.",
    "first": "How many entries, 1 to 100.",
    "from": "The administration whose operators or controls are recognised.",
    "ground": "Why, by which article. It stays for ever and must name no person.",
    "hs": "Goods by their Harmonised System codes; a chapter covers its headings.",
    "id": "An agreement, by its code (CN-SG-AEO, AAMRA) or its global id.",
    "identifier": "The operator's identifier of that scheme.",
    "identifiers": "The numbers by which others know it.",
    "identifierScheme": "The scheme by which the partner matches operators.",
    "in": "The territory in which recognition is asked about.",
    "input": "What is asked.",
    "issuer": "Who issued it.",
    "kind": "What it is about.",
    "key": "An Ed25519 key as name+id+base64 (C2SP signed-note); its name is the code.",
    "knownAt": "Only what was known by this instant counts.",
    "language": "The language of the original, as a BCP 47 tag: zh-Hans.",
    "last": "How many entries, 1 to 100, counted from the end: instead of `first`.",
    "latest": "The last civil day on which it can have been.",
    "launched": "When it began, as the source puts it.",
    "leafHash": "SHA-256 of the leaf, in hexadecimal.",
    "leafIndex": "The leaf's number in the tree, from 0.",
    "legalBasis": "The article or instrument that it rests on.",
    "legalGround": "The article that it rests on. Needed where it reaches back.",
    "list": "A published list, by a name of 1 to 80 letters, digits, dots and dashes: eu-list.",
    "localName": "The name in its own script, where there is one.",
    "maxAgeHours": "Older data than this is no answer.",
    "measure": "What is counted.",
    "measures": "What the document lists.",
    "member": "The administration that belongs to the bloc or the agreement.",
    "members": "The members of that day.",
    "message": "In a sentence, with both facts.",
    "measureNames": "Original names of the measures: a language tag, then the measure, then the "
    "original name.",
    "mode": "The mode of transport.",
    "modes": "The modes of transport that it covers; none: all.",
    "name": "Its name.",
    "node": "The entry itself.",
    "names": "Original names: a language tag, then the name used here, then the original name.",
    "note": "What else the source says.",
    "notice": "Of a termination: the civil day on which it was notified.",
    "number": "The number of the authorisation.",
    "operatorsDescribed": "How many it has, as the source puts it.",
    "origin": "The TIN of the operator that it was part of.",
    "outcome": "Recognised, not recognised, or not known.",
    "override": "Why a number of another form, or whose check digit fails, is the authority's own.",
    "owner": "Whose goal it is.",
    "pageInfo": "Where the page ends.",
    "part": "The part of the authorisation; null: the whole of it.",
    "particulars": "Who the person is: name, and if known email and telephone.",
    "parties": "The administrations that are its parties.",
    "partner": "The customs administration with which to share.",
    "party": "A party of it.",
    "path": "The hashes from the leaf to the root, in hexadecimal.",
    "person": "A pseudonym, as keepParticulars answered it: a random UUID.",
    "pillars": "Which pillars of SAFE it serves.",
    "position": "The place in the register's one sequence of events that the answer goes up to.",
    "precision": "How exactly the source dates it: day, month or year.",
    "programme": "A programme, by its code (CN-AEO, US-CTPAT) or its global id.",
    "programmes": "The programmes that it covers; none: all.",
    "publication": "True: to the public look-up, instead of to a partner.",
    "quotation": "A short passage of the original, in its own language.",
    "readOn": "The civil day, in the operator's home zone, on which the list was read.",
    "reason": "Why. Shown to the home customs, the operator and auditors.",
    "reasons": "Why, with the facts.",
    "recordedFrom": "Only what was recorded from this instant on.",
    "relation": "The kind of agreement that would meet it.",
    "remediation": "True: it stays authorised while it mends what was found.",
    "reply": "What that administration answered.",
    "role": "What the operator does.",
    "roles": "What the operator does; none: everything.",
    "rootHash": "SHA-256 at the root of the tree, in hexadecimal.",
    "rule": "The name of the rule.",
    "scheme": "The scheme that the identifier belongs to.",
    "sense": "Member of what; default the customs territory.",
    "shared": "Why another operator may have the number, too. Without it that is refused.",
    "side": "The party that does it, or whose date it is.",
    "since": "From when it holds: an instant, or the civil day that a list gives.",
    "signature": "The administration's own, under the rest: its code, a space, and base64 of the "
    "key's id and an Ed25519 signature. Needed once the administration has a key.",
    "source": "Where it was read.",
    "state": "A value with its source, none with its source, or unknown.",
    "states": "The states that it could mean.",
    "status": "Where it stands.",
    "stream": "The thing that it happened to: a UUID.",
    "subject": "Whom it is about.",
    "successor": "The TIN of the operator into which it was merged.",
    "target": "The target's own id within the document.",
    "term": "Which term of the side's implementation, from 1; without it the latest.",
    "text": "In its own words.",
    "timeZone": "The IANA name of the zone in which its civil days begin: Asia/Seoul.",
    "tin": "The operator's TIN.",
    "tins": "The TINs, at most 1,000.",
    "title": "Its title.",
    "titles": "Titles in other languages: a language tag (BCP 47), then the title.",
    "to": "The administration that recognises.",
    "totalCount": "How many there are in all.",
    "treeSize": "How many leaves the tree had.",
    "type": "The programme's own tier or type code.",
    "types": "The programme's own tier or type codes.",
    "unit": "What the value counts: days, years, ...",
    "until": "The civil day on which it ends, exclusive.",
    "validFrom": "From when it holds.",
    "validTo": "Until when it holds, exclusive; null: no end is known.",
    "validUntil": "The last civil day of the authorisation. In an answer null means that it has no "
    "end of its own; in a command it means the term of the programme's rules.",
    "value": "Its value.",
    "verifiedBy": "Who made sure of it.",
    "what": "Which step, date or field it is.",
    "why": "The reason for it.",
    "willing": "The states known to be willing, with a source each.",
}


def describe(schema: GraphQLSchema) -> None:
    """Gives every type, field, argument and value that has no description its meaning."""
    describe_values(schema)
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        kind.description = kind.description or _of_type(kind)
        if isinstance(kind, GraphQLInputObjectType):
            for name, entry in kind.fields.items():
                entry.description = entry.description or MEANINGS.get(name)
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                field.description = field.description or _of_field(field) or MEANINGS.get(name)
                for called, argument in field.args.items():
                    argument.description = argument.description or MEANINGS.get(called)


def undescribed(schema: GraphQLSchema) -> list[str]:
    """The names that nothing explains, for a test."""
    found: list[str] = []
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        found += [kind.name] if not kind.description else []
        if isinstance(kind, GraphQLEnumType):
            found += [
                f"{kind.name}.{v}" for v, value in kind.values.items() if not value.description
            ]
        fields: Iterable[tuple[str, Any]] = getattr(kind, "fields", {}).items()
        for name, field in fields:
            found += [f"{kind.name}.{name}"] if not field.description else []
            arguments: Iterable[tuple[str, Any]] = getattr(field, "args", {}).items()
            found += [
                f"{kind.name}.{name}({a})" for a, argument in arguments if not argument.description
            ]
    return found


def _of_type(kind: Any) -> str | None:
    origin = getattr(kind.extensions.get("strawberry-definition"), "origin", None)
    text = inspect.getdoc(origin) if isinstance(origin, type) else None
    # A dataclass without a docstring is given its own signature for one.
    return None if not text or re.match(r"\w+\(", text) else text


def _of_field(field: Any) -> str | None:
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    return inspect.getdoc(resolver.wrapped_func) if resolver else None

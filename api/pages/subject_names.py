"""The names of subjects in the reader's language: `officer:CN` is an officer of China's customs."""

from __future__ import annotations

from api.languages.language import _
from api.pages.labels import country


def subject_name(subject: str) -> str:
    """Returns the name of a subject in the reader's language: of `officer:CN/anna` "an officer of
    the customs of China (anna)". A subject of no known role is named by its id."""
    identity, _slash, agent = subject.partition("/")
    role, _colon, whose = identity.partition(":")
    name = _named(role, whose) or identity
    return _("%(name)s (%(person)s)", name=name, person=agent) if agent else name


def _named(role: str, whose: str) -> str:
    match role:
        case "public":
            return _("the public")
        case "auditor":
            return _("an auditor")
        case "partner":
            return _("the customs of %(territory)s as a partner", territory=country(whose))
        case "officer":
            return _("an officer of the customs of %(territory)s", territory=country(whose))
        case "company":
            return _("the company %(tin)s", tin=whose)
    return ""

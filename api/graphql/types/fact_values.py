"""The facts of a reason as values of its sentence: names, days and lists in a language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from api.languages.language import Language, ReaderText


class Stated(Protocol):
    """A fact of a reason (api.graphql.types.reasons.Fact)."""

    name: str
    value: str
    item: int
    zone: str | None


@lru_cache(maxsize=4_096)
def moment(text: str) -> str:
    """An instant as text: YYYY-MM-DD where it is midnight in UTC, else to the minute."""
    at = _parsed(text)
    if at is None:
        return text
    day = at.date().isoformat()
    return day if _is_midnight(at) else f"{day} {at:%H:%M} UTC"


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)


def _moment(text: str, language: Language) -> str:
    """The same in a language."""
    at = None if language.is_source else _parsed(text)
    if at is None:
        return moment(text)
    day = language.day(at.date().isoformat())
    clock = language.clock(at.replace(second=0, microsecond=0))
    return day if _is_midnight(at) else language.gettext("%(day)s, %(time)s", day=day, time=clock)


class FactValues:
    """The facts of one group (`Fact.item`) by name. A missing fact is replaced by a general
    phrase. `say`: returns a text of the catalogues in the language of the sentence."""

    def __init__(self, facts: Sequence[Stated], language: Language) -> None:
        self._facts, self.language, self.say = facts, language, language.gettext

    def all(self, name: str) -> list[str]:
        """Returns the values of a fact."""
        return [fact.value for fact in self._facts if fact.name == name]

    def of(self, name: str) -> str:
        """Returns the first value of a fact; empty where it is missing."""
        return next(iter(self.all(name)), "")

    def list(self, *names: str) -> str:
        """Returns the values of these facts as a list."""
        return ", ".join(value for name in names for value in self.all(name)) or self.say("none")

    def terms(self, *names: str) -> str:
        """The same of names of codes."""
        if self.language.is_source:
            return self.list(*names)
        found = [value for name in names for value in self.all(name)]
        words = (self.language.pgettext(value, _words(value)) for value in found)
        return ", ".join(words) or self.say("none")

    def day(self, name: str) -> str:
        """A civil day; an instant as `moment` writes it; empty where the fact is missing."""
        fact = next((fact for fact in self._facts if fact.name == name), None)
        if fact is None:
            return ""
        if fact.zone:
            return self.language.day(fact.value)
        return _moment(fact.value, self.language)

    def territory(self, code: str) -> str:
        """Returns the name of a territory."""
        return self.language.territory(code)

    @property
    def at(self) -> str:
        """The instant that was asked about; empty where it is missing."""
        return self.day("at") if self.of("at") else ""

    @property
    def there(self) -> str:
        """The name of the territory that was asked about."""
        code = self.of("territory")
        return self.territory(code) if code else self.say("that territory")

    @property
    def home(self) -> str:
        """The name of the operator's territory."""
        code = self.of("home")
        return self.territory(code) if code else self.say("its home")

    @property
    def start(self) -> str:
        """The name of the territory from which goods come."""
        code = self.of("from")
        return self.territory(code) if code else self.say("one side")

    @property
    def operator(self) -> str:
        """The operator."""
        return self.of("operator") or self.say("the operator")

    @property
    def agreement(self) -> str:
        """The agreement."""
        return self.of("agreement") or self.say("The agreement")

    @property
    def authorisation(self) -> str:
        """The authorisation."""
        return self.of("authorisation") or self.say("The authorisation")


def _words(term: str) -> str:
    return term.replace("_", " ").lower()


def joined(say: Callable[..., str], clauses: Iterable[str]) -> str:
    """The clauses as one sentence, in order, without repetition. Empty where there is none."""
    found = list(dict.fromkeys(each for each in clauses if each))
    if not found:
        return ""
    return say("%(clauses)s.", clauses=ReaderText(say("; ").join(found)))

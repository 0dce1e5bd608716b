"""Rebuilds the read models, and the ledger's table of held numbers, if an earlier release derived
them.

Runs after the migrations and before the first query. projections/engine/derivation.py decides
whether it is necessary.
"""

from __future__ import annotations

from collections.abc import Callable

from projections.engine.derivation import outdated
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from registry.domain.identifiers import schemes
from registry.ledger.connections import Session

#: The holders of numbers by the latest belief, in the columns of `ledger.held_number`.
HELD_NUMBERS = """
select 'CERTIFICATE' as scheme, o.administration as issuer, c.normal as value, c.tin as holder,
    o.administration as home, null as from_day, null as to_day, bool_or(c.shared) as shared
from views.certificate c join views.operator o on o.tin = c.tin
where c.recorded_to is null
group by o.administration, c.normal, c.tin
union
select i.scheme, '', i.normal, i.tin, o.administration, i.from_day, i.to_day, i.shared
from views.identifier i join views.operator o on o.tin = i.tin
where i.recorded_to is null and i.scheme = any(%(unique)s)"""


def bring_up_to_date(conninfo: str, say: Callable[[str], None]) -> None:
    """Rebuilds the read models if necessary; `say` is called with the reason.

    Runs after the migrations and before the first query. `conninfo`: of a role that may create
    schemas.
    """
    with Session.connect(conninfo, autocommit=True) as connection:
        why = outdated(connection)
    if why:
        say(f"{why}: they are derived anew")
        rebuild(conninfo, say=say)
        rebuild_held_numbers(conninfo)


def rebuild_held_numbers(conninfo: str) -> None:
    """Fills the ledger's table of held numbers from the read models.

    Locks the ledger against appends, and brings the read models up to date first. A database of an
    earlier release has no such rows yet.
    """
    with Session.connect(conninfo) as connection:
        connection.execute("set local role aeo_owner")
        connection.execute("select from ledger.head for update")
        Projector(conninfo).catch_up()
        connection.execute("truncate ledger.held_number")
        connection.execute(
            "insert into ledger.held_number"
            " (scheme, issuer, value, holder, home, from_day, to_day, shared)" + HELD_NUMBERS,
            {"unique": unique_schemes()},
        )


def unique_schemes() -> list[str]:
    """Returns the codes of the identifier schemes in which each number has one holder."""
    return [scheme.code for scheme in schemes().values() if scheme.unique]

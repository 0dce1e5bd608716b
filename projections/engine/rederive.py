"""Derives the read models anew where an earlier release derived them, and what the ledger keeps of
whose each number is.

Runs after the migrations and before anybody asks. projections/engine/derivation.py says when it is
due.
"""

from __future__ import annotations

from collections.abc import Callable

from projections.engine.derivation import outdated
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from registry.domain.identifiers import schemes
from registry.ledger.connections import Session

#: Whose each number is, by what is believed last: as `ledger.held_number` has it.
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
    """Derive the read models anew where they have to be; `say` is told why.

    After the migrations, and before anybody asks. `conninfo`: of a role that may create schemas.
    """
    with Session.connect(conninfo, autocommit=True) as connection:
        why = outdated(connection)
    if why:
        say(f"{why}: they are derived anew")
        rebuild(conninfo)
        rebuild_held_numbers(conninfo)


def rebuild_held_numbers(conninfo: str) -> None:
    """What the ledger keeps of whose each number is, from the read models, which follow from it.

    While nobody records, and once they have seen everything. A home of before has nothing of it.
    """
    with Session.connect(conninfo) as connection:
        connection.execute("set local role aeo_owner")
        connection.execute("select from ledger.head for update")
        Projector(conninfo).catch_up()
        connection.execute("truncate ledger.held_number")
        connection.execute(
            "insert into ledger.held_number"
            " (scheme, issuer, value, holder, home, from_day, to_day, shared)" + HELD_NUMBERS,
            {"unique": unique()},
        )


def unique() -> list[str]:
    return [scheme.code for scheme in schemes().values() if scheme.unique]

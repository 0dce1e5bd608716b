"""Our service without access control, for ops.bench.access alone: it shows everything to anyone.

    python -m ops.bench.open_service officer:KR --with-parent --demo --home HOME --port PORT

The subject is given instead of looked up. What is left out is replaced before the service is
imported: the restriction in each statement, the subject that a statement states, the role that is
under row-level security, the quotas with their headers, and the read log.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from projections.reads import row_security, visibility

#: True of every row; it names a parameter of the subject, as the condition it replaces does.
EVERYTHING = "(%(own_territory)s is not null or %(subject_role)s is not null)"


def main() -> None:
    """Starts the service for the subject that the first argument names."""
    subject = sys.argv.pop(1)
    _open_statements()
    from api.access.policy import named
    from registry.domain.values import AdministrationCode

    found = named(subject)
    own = frozenset({found.administration} if found.administration else set[AdministrationCode]())
    _open_requests(replace(found, own=own, reach=own))
    sys.argv[1:1] = ["serve"]
    from api.cli import main as command_line

    command_line()


def _open_statements() -> None:
    """Statements restrict no rows, and state nobody."""
    changed: Any = visibility
    changed.VISIBILITY_CTES = "nothing as (select 1)"
    changed.VISIBLE = changed.VISIBLE_NOW = EVERYTHING
    changed.visible = lambda known, home="": EVERYTHING
    stating: Any = row_security
    stating.in_statement = lambda parameter: f"(select length({parameter}) offset 0) as stated"


def _open_requests(subject: Any) -> None:
    """Requests are of one subject, in no quota and in no log of looks, and the database is read as
    the owner, who is under no row-level security."""
    from api.access.quotas import QuotaAccount, Quotas
    from api.graphql.context import Context
    from api.http import service, subjects

    resolver: Any = subjects.SubjectResolver
    resolver.at_once = lambda self, authorization: subject
    quotas: Any = Quotas
    quotas.of_subject = lambda self, whose: None
    quotas.admit = quotas.spend = lambda self, account, work=0: None
    account: Any = QuotaAccount
    account.headers = lambda self: ()
    context: Any = Context
    context.foreign = lambda self, tins: [False] * len(tins)
    changed: Any = service
    pool = changed.pool
    changed.pool = lambda settings, role, size, name=None: pool(
        settings, "aeo_owner" if role == "aeo_reader" else role, size, name or role
    )


if __name__ == "__main__":
    main()

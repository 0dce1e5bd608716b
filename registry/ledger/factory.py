"""The factory by which the eventsourcing library makes recorders of the ledger.

It is selected by `PERSISTENCE_MODULE=registry.ledger.factory:LedgerFactory`. The class is named
because the library counts every factory that it finds in a module.
`registry.ledger.database.environment` returns the other settings.
"""

from __future__ import annotations

from typing import Any

from eventsourcing.postgres import (
    PostgresFactory,
)
from eventsourcing.utils import Environment, EnvType
from psycopg.conninfo import conninfo_to_dict

from registry.ledger.committer_connection import KEEPALIVE
from registry.ledger.database import ConnectionWithTimeout, with_settings
from registry.ledger.recorder import LedgerRecorder


class LedgerFactory(PostgresFactory):
    """Creates recorders for one database: `LEDGER_CONNINFO`, or the POSTGRES_ variables of the
    library.

    `LEDGER_CONNINFO` is any libpq connection string. Every connection assumes the role
    `LEDGER_ROLE`. Snapshots, tracking and process recorders are those of the library.
    """

    application_recorder_class = LedgerRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        env = env if isinstance(env, Environment) else Environment(env=env)
        conninfo = env.get("LEDGER_CONNINFO")
        if conninfo:  # the library requires four settings that libpq can do without
            for name in ("DBNAME", "HOST", "USER", "PASSWORD"):
                env.setdefault(f"POSTGRES_{name}", "")
        super().__init__(env)
        pool = self.datastore.pool
        given: dict[str, Any] = dict(pool.kwargs)  # type: ignore[arg-type]
        if conninfo:
            given = {"row_factory": given["row_factory"], **conninfo_to_dict(conninfo)}
        role = self.env.get("LEDGER_ROLE")
        pool.kwargs = with_settings(
            {**KEEPALIVE, **given}, timezone="UTC", **({"role": role} if role else {})
        )
        pool.connection_class = ConnectionWithTimeout
        self._recorders: list[LedgerRecorder] = []

    def application_recorder(self) -> LedgerRecorder:
        """Creates a recorder. Raises ValueError if events would be encrypted or compressed, because
        SQL reads their state."""
        if self.cipher() or self.compressor():
            raise ValueError("The ledger keeps JSON text: no CIPHER and no COMPRESSOR with it.")
        recorder = self.application_recorder_class(
            self.datastore, events_table_name=self.env.get("LEDGER_TABLE") or "event"
        )
        if self.env_create_table():
            recorder.create_table()
        self._recorders.append(recorder)
        return recorder

    def close(self) -> None:
        """Closes all recorders and the connection pool."""
        for recorder in self._recorders:
            recorder.close()
        super().close()

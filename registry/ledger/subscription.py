"""Subscription to the ledger: delivers events while they are being recorded."""

from __future__ import annotations

from time import monotonic

from eventsourcing.postgres import PostgresSubscription
from psycopg.sql import SQL, Identifier

POLL_SECONDS = 2.0  # seconds after which a subscription polls without a notification


class LedgerSubscription(PostgresSubscription):
    """Subscription that cannot miss an event.

    The library's subscription reads first and listens a moment later; an event committed in between
    would be delivered only with the next one. This class wakes the reader once it listens, and
    polls at intervals.
    """

    def _listen(self) -> None:
        try:
            with self._recorder.datastore.get_connection() as connection:
                connection.execute(SQL("listen {}").format(Identifier(self._recorder.channel_name)))
                wake_at = monotonic()
                while not self._has_been_stopped and not self._thread_error:
                    if monotonic() >= wake_at:
                        self._has_been_notified.set()
                        wake_at = monotonic() + POLL_SECONDS
                    for _ in connection.notifies(timeout=0.1, stop_after=1):
                        self._has_been_notified.set()
        except BaseException as error:
            if self._thread_error is None:
                self._thread_error = error
            self.stop()

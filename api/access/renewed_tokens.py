"""The access token of a program that runs for long: got with its key, renewed before it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from api.access.client_tokens import IssuedToken, NoToken, get_token, read_client_file

SHARE = 0.2  # of its life that a token has left when it is renewed
PAUSE = 5.0  # seconds until a refused or unanswered renewal is tried again


class RenewedToken:
    """Gives the access token of one client.

    The file is read anew for each token, so that a new key is used from then on. While a renewal
    fails, the token is given as long as it is valid. Used by several threads.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = monotonic) -> None:
        """`file`: what `aeo client new` wrote. `clock`: seconds of a clock that never goes back."""
        self._file, self._clock = file, clock
        self._turn = threading.Lock()
        self._token: IssuedToken | None = None
        self._until = self._again = float("-inf")

    def __call__(self) -> str:
        """Returns a token that is valid now. Raises NoToken."""
        with self._turn:
            now = self._clock()
            if self._token is None or now > self._until - self._token.seconds * SHARE:
                self._renew(now)
            assert self._token is not None  # or NoToken was raised
            return self._token.text

    def discard(self) -> None:
        """Forgets the token: whoever it was for refused it."""
        with self._turn:
            self._token, self._again = None, float("-inf")

    def _renew(self, now: float) -> None:
        valid = self._token is not None and now < self._until
        if valid and now < self._again:
            return
        try:
            self._token = self._issued()
            self._until = now + self._token.seconds
        except NoToken:
            self._again = now + PAUSE
            if not valid:
                self._token = None
                raise

    def _issued(self) -> IssuedToken:
        try:
            client = read_client_file(self._file)
        except OSError as error:
            raise NoToken(f"{self._file}: {error.strerror}") from None
        except ValueError as error:
            raise NoToken(f"{self._file}: {error}") from None
        return get_token(client)

"""The keys of issuers: read when they are needed, seldom, and never at the expense of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic

import pytest
from joserfc.jwk import ECKey

from api.access import fetching
from api.access.fetching import FetchFailed, IssuerClient
from api.access.key_sets import (
    AT_MOST_EVERY,
    FRESH,
    LONGEST,
    IssuerKeys,
    public_keys,
    read_metadata,
)
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from tests.issuer import FakeIssuer, issuing


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with issuing() as each:
        yield each


async def unknown(keys: IssuerKeys, kid: str | None = "nobody's") -> str:
    try:
        await keys.key(kid)
    except InvalidToken as error:
        return error.code
    raise AssertionError("the key is known")


def test_a_key_set_is_read_once_however_many_ask(issuer: FakeIssuer) -> None:
    async def run() -> None:
        client = IssuerClient()
        keys = IssuerKeys(issuer.url, client)
        await asyncio.gather(*(keys.key("one") for _ in range(20)))
        await client.close()

    asyncio.run(run())

    assert issuer.fetched == ["/.well-known/openid-configuration", "/jwks"]


def test_unknown_keys_make_it_be_read_at_most_twice_a_minute(issuer: FakeIssuer) -> None:
    async def run() -> int:
        clock, client = Clock(), IssuerClient()
        keys = IssuerKeys(issuer.url, client, f"{issuer.url}/jwks", clock)
        for n in range(50):
            assert await unknown(keys, f"kid-{n}") == "TOKEN_KEY"
        before = len(issuer.fetched)
        clock.now += AT_MOST_EVERY
        await asyncio.gather(*(unknown(keys, f"kid-{n}") for n in range(50)))
        await client.close()
        return before

    assert asyncio.run(run()) == 1
    assert len(issuer.fetched) == 2


def test_a_new_key_of_the_issuer_is_found_and_a_withdrawn_one_is_forgotten(
    issuer: FakeIssuer,
) -> None:
    async def run() -> None:
        clock, client = Clock(), IssuerClient()
        keys = IssuerKeys(issuer.url, client, f"{issuer.url}/jwks", clock)
        await keys.key("one")
        issuer.keys = {"two": ECKey.generate_key("P-256")}
        clock.now += AT_MOST_EVERY
        assert await keys.key("two")
        assert await unknown(keys, "one") == "TOKEN_KEY"
        await client.close()

    asyncio.run(run())


def test_keys_at_hand_are_used_while_the_issuer_is_away_but_not_for_ever(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.2)

    async def run() -> None:
        clock, client = Clock(), IssuerClient()
        keys = IssuerKeys(issuer.url, client, f"{issuer.url}/jwks", clock)
        await keys.key("one")
        issuer.silent = True
        clock.now += FRESH + 1
        before = monotonic()
        assert await keys.key("one")  # read again beside this request
        assert monotonic() - before < fetching.PATIENCE
        clock.now += LONGEST
        with pytest.raises(IssuerUnreachable):
            await keys.key("one")
        await client.close()

    asyncio.run(run())


def test_a_dead_issuer_delays_nobody_else(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one request waits for it, the event loop turns and others are answered."""
    monkeypatch.setattr(fetching, "PATIENCE", 1.0)
    issuer.silent = True

    async def run() -> int:
        client = IssuerClient()
        keys = IssuerKeys(issuer.url, client, f"{issuer.url}/jwks")
        asked = asyncio.ensure_future(keys.key("one"))
        turns = 0
        while not asked.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(IssuerUnreachable):
            await asked
        with pytest.raises(IssuerUnreachable):  # at once: it was tried a moment ago
            await keys.key("one")
        await client.close()
        return turns

    assert asyncio.run(run()) > 100
    assert issuer.fetched == ["/jwks"]


def test_without_an_id_only_a_lone_key_is_meant(issuer: FakeIssuer) -> None:
    async def run() -> None:
        clock, client = Clock(), IssuerClient()
        keys = IssuerKeys(issuer.url, client, f"{issuer.url}/jwks", clock)
        assert await keys.key(None)
        issuer.keys["two"] = ECKey.generate_key("P-256")
        clock.now += FRESH + 1
        await unknown(keys)
        assert await unknown(keys, None) == "TOKEN_KEY"
        await client.close()

    asyncio.run(run())


def test_metadata_of_another_issuer_are_refused(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, issuer.url = issuer.url, "https://somebody.example"

    async def run() -> None:
        client = IssuerClient()
        with pytest.raises(FetchFailed, match=r"issuer is 'https://somebody\.example'"):
            await read_metadata(address, client)
        await client.close()

    asyncio.run(run())


def test_a_long_answer_is_not_read_to_its_end(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 10)

    async def run() -> None:
        client = IssuerClient()
        with pytest.raises(FetchFailed, match="longer than 10 bytes"):
            await client.get(f"{issuer.url}/jwks")
        with pytest.raises(FetchFailed, match="status 404"):
            monkeypatch.setattr(fetching, "LARGEST", 100)
            await client.get(f"{issuer.url}/nothing")
        await client.close()

    asyncio.run(run())


def test_keys_for_other_uses_and_private_keys_are_left_out() -> None:
    signing, sealing, private = (ECKey.generate_key("P-256") for _ in range(3))
    found = public_keys(
        {
            "keys": [
                signing.as_dict(private=False, kid="s"),
                sealing.as_dict(private=False, kid="e") | {"use": "enc"},
                private.as_dict(private=True, kid="p"),
                {"kty": "oct", "k": "c2VjcmV0", "kid": "h"},
                {"kty": "EC", "kid": "broken"},
                "nonsense",
            ]
        }
    )

    assert set(found) == {"s"}

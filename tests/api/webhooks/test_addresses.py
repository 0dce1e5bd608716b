"""Where a webhook may be posted to: never to a private network, and only to listed hosts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from api.access.webhook_addresses import AddressPolicy, AddressRefused, Destination, address_policy
from api.settings import Settings

LISTED = address_policy(
    "hooks.example, *.customs.example, port.example:8443, KR=korea.example", demo=False
)
DEMO = address_policy("", demo=True)


@pytest.mark.parametrize(
    "url, of",
    [
        ("https://hooks.example/", "CN"),
        ("https://hooks.example", "CN"),
        ("https://hooks.example:443/a?b=c", None),
        ("https://a.customs.example/x", "CN"),
        ("https://a.b.customs.example/x", "CN"),
        ("https://port.example:8443/x", "CN"),
        ("https://korea.example/x", "KR"),
        ("https://HOOKS.example./x", "CN"),
    ],
)
def test_a_listed_host_may_be_posted_to(url: str, of: str | None) -> None:
    assert LISTED.destination(url, of).scheme == "https"


def test_an_address_is_taken_apart() -> None:
    found = LISTED.destination("https://port.example:8443/a/b?c=d&e", "CN")

    assert found == Destination("https", "port.example", 8443, "/a/b?c=d&e")


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://hooks.example/", "found http, wanted https"),
        ("ftp://hooks.example/", "found ftp, wanted https"),
        ("//hooks.example/", "found no scheme, wanted https"),
        ("hooks.example", "wanted https://host/path"),
        ("https://other.example/", "other.example:443 is not on the list"),
        ("https://hooks.example.evil.example/", "is not on the list"),
        ("https://evilcustoms.example/", "is not on the list"),
        ("https://customs.example/", "is not on the list"),
        ("https://hooks.example:8443/", "hooks.example:8443 is not on the list"),
        ("https://port.example/", "port.example:443 is not on the list"),
        ("https://korea.example/", "is not on the list"),
        ("https://user@hooks.example/", "without a user or a fragment"),
        ("https://user:secret@hooks.example/", "without a user or a fragment"),
        ("https://hooks.example/#part", "without a user or a fragment"),
        ("https://hooks.example:port/", "is no address"),
        ("https://hooks.example:99999/", "is no address"),
        ("https://[::1/", "is no address"),
        ("https://127.0.0.1/", "is not on the list"),
        ("https://[::1]/", "is not on the list"),
        ("https://localhost/", "is not on the list"),
        ("https://0x7f.1/", "is not on the list"),
        ("https://2130706433/", "is not on the list"),
        ("https://hooks.example/ x", "visible ASCII characters"),
        ("https://hooks.example/\r\nHost: evil", "visible ASCII characters"),
        ("https://höoks.example/", "visible ASCII characters"),
        ("https://hooks.example/" + "a" * 2_000, "at most 2000"),
        ("", "wanted https://host/path"),
    ],
)
def test_any_other_address_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        LISTED.destination(url, "CN")

    assert words in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "100.64.0.1",
        "169.254.169.254",  # where clouds keep credentials
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::",  # 6to4 of 10.0.0.1
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_a_name_that_leads_to_no_public_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="which is no public address"):
        LISTED.check(["93.184.216.34", address])


def test_public_addresses_pass() -> None:
    LISTED.check(["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::93.184.216.34"])


def test_on_one_machine_this_machine_itself_is_allowed_and_nothing_else() -> None:
    assert DEMO.destination("http://127.0.0.1:9000/x", None).port == 9000
    assert DEMO.destination("http://localhost/x", "CN").port == 80
    assert DEMO.destination("http://[::1]:9000/x", "CN").host == "::1"
    DEMO.check(["127.0.0.1", "::1"])
    with pytest.raises(AddressRefused):
        DEMO.destination("http://10.0.0.1/", None)
    with pytest.raises(AddressRefused):
        DEMO.check(["10.0.0.1"])
    with pytest.raises(AddressRefused):
        AddressPolicy().destination("https://hooks.example/", None)


@pytest.mark.parametrize("entry", ["https://a.example", "a b", "*", "K=a.example", "a:b", "a/b"])
def test_an_entry_of_the_list_that_is_no_host_is_refused_at_the_start(
    entry: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=r"wanted host, \*\.host, host:port or KR=host"):
        Settings(database="", home=tmp_path, webhook_hosts=f"good.example, {entry}")

"""A bundle brings the time zones of its streams, and the verifier compares them with its own."""

from __future__ import annotations

import io
import json
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ops.attacks import verifier
from registry.domain.time_zones import RELEASE, names, written
from tests import bundled, rules_1
from tests.bundled import Files

ours = verifier()
#: Both have streams in the bundle: the days of the one are of 2026, of the other of 2014 to 2023.
LATE, EARLY = "America/Sao_Paulo", "Asia/Seoul"


def fixed(hours: int) -> bytes:
    """A zone file of a zone that is always so many hours east of Greenwich (RFC 9636)."""
    head = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", hours * 3600, 0, 0, b"xxx\0")
    return head + body + head + body + f"\n<xxx>{-hours}\n".encode()


class Machine:
    """The zone files of the machine on which the verifier runs."""

    def __init__(self, release: str | None, changed: dict[str, bytes | None]) -> None:
        self.release, self.changed = release, changed

    def open(self, name: str) -> io.BytesIO:
        file = self.changed.get(name, b"" if name not in names() else written(name))
        if not file:
            raise FileNotFoundError(name)
        return io.BytesIO(file)

    def sources(self) -> Iterator[tuple[str | None, str, Callable[[str], io.BytesIO]]]:
        yield self.release, "its folder", self.open


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[str]]]:
    """The verdict on a bundle, and what is said. `own`: the machine's release, and zones of it that
    are not those of `tzdata`."""

    def judge(
        files: Files, own: str | None = "2025b", **changed: bytes | None
    ) -> tuple[int, list[str]]:
        machine = Machine(own, {ZONES[short]: file for short, file in changed.items()})
        monkeypatch.setattr(ours, "zone_sources", machine.sources)
        said = io.StringIO()
        with redirect_stdout(said):
            code = ours.main(["bundle", str(bundled.write(files, tmp_path / "a.zip"))])
        return code, said.getvalue().splitlines()

    return judge


ZONES = {"late": LATE, "early": EARLY}


def honest(release: str = RELEASE, **forged: bytes) -> Files:
    """A bundle whose read models are derived by the zones that it brings; `forged`: some."""
    files = bundled.read(rules_1.BUNDLE)
    named = {name for line in files["events.jsonl"] for name in _named(line)}
    zones = {name: written(name) for name in named} | {ZONES[text]: forged[text] for text in forged}
    files |= {f"zones/{name}": [text] for name, text in zones.items()}
    ours.ZONES.choose("", {n: ours.ZoneInfo.from_file(io.BytesIO(t)) for n, t in zones.items()})
    lives = defaultdict(list)
    for item in map(json.loads, files["events.jsonl"]):
        place = item["position"], item["known"], item["version"]
        lives[item["stream"]].append((*place, item["topic"], json.loads(item["state"])))
    for n, item in enumerate(map(json.loads, files["expected-state.jsonl"])):
        if "periods" in item:
            item["periods"] = ours.periods_of(lives[item["stream"]], ours.RULES[1])
        else:
            item["stages"], item["sides"] = ours.agreement_of(lives[item["stream"]], ours.RULES[1])
        files["expected-state.jsonl"][n] = bundled.line(item)
    manifest = json.loads(b"".join(files["manifest.json"]))
    files["manifest.json"] = [bundled.line(manifest | {"time_zones": release})]
    return files


def _named(line: bytes) -> Iterator[str]:
    state = json.loads(json.loads(line)["state"])
    for item in (state, state.get("party") or {}, *(state.get("parties") or ())):
        if "time_zone" in item:
            yield item["time_zone"]


def about(zone: str, said: list[str]) -> list[str]:
    return [text for text in said if f"{zone}: " in text]


def test_a_machine_with_that_release_judges_by_its_own(judged: Any) -> None:
    code, said = judged(honest(), RELEASE)
    assert code == 0
    assert f"time zones: {RELEASE}, of its folder, as the bundle's" in said


def test_a_machine_with_another_release_judges_by_the_bundles_and_says_so(judged: Any) -> None:
    code, said = judged(honest())
    assert code == 0
    assert f"time zones: {RELEASE}, of the bundle; compared with 2025b, of its folder" in said
    assert not about(LATE, said)


def test_what_a_later_release_may_have_moved_is_named_and_good(judged: Any) -> None:
    """As Morocco moved in 2026, which a machine of 2025 cannot know."""
    code, said = judged(honest(), late=fixed(-2))
    assert code == 0
    assert about(LATE, said) == [
        f"time zones: {LATE}: 3 days of the shown events begin at another instant by 2025b, of its "
        "folder, than by the bundle: 2026-08-31 at 2026-08-31T02:00:00Z, and not at "
        "2026-08-31T03:00:00Z; one of the releases may have moved it"
    ]
    code, said = judged(honest("2026g"), "2027a", late=fixed(-2))  # nor one of 2027 before 2026
    assert (code, len(about(LATE, said))) == (0, 1)


@pytest.mark.parametrize(
    ("zone", "hours", "release", "own", "verdict"),
    [
        ("late", -2, RELEASE, "2025b", 0),  # an hour, of days since the older release: named
        ("late", -7, RELEASE, "2025b", 4),  # more than a release moves
        ("late", 22, RELEASE, "2025b", 1),  # more than a day
        ("early", 8, RELEASE, "2025b", 4),  # of days that were past before the older release
        ("early", 8, RELEASE, "2013a", 0),
        ("late", -2, RELEASE, RELEASE, 1),  # the same release is the same zones
        ("early", 8, RELEASE, RELEASE, 1),
        ("late", -2, "2019a", "2025b", 4),  # no register of that release brought any
        ("late", -2, "yesterday's", "2025b", 4),
        ("late", -2, RELEASE, None, 4),
        ("late", -3, RELEASE, None, 0),  # the same as it is
    ],
)
def test_a_forged_zone_does_not_pass_in_silence(
    judged: Any, zone: str, hours: int, release: str, own: str | None, verdict: int
) -> None:
    """By someone who derived the read models by it, too."""
    code, said = judged(honest(release, **{zone: fixed(hours)}), own)
    assert code == verdict, said
    assert about(ZONES[zone], said) or (zone, hours) == ("late", -3)


def test_read_models_that_do_not_follow_by_the_zones_of_the_bundle_are_forged(
    judged: Any,
) -> None:
    files = honest()
    files[f"zones/{EARLY}"] = [fixed(8)]
    code, said = judged(files)
    assert code == 1
    assert any("the read models of operator KR" in item for item in said)


def test_a_zone_that_is_not_at_hand_is_missing(judged: Any) -> None:
    files = honest()
    del files[f"zones/{EARLY}"]
    code, said = judged(files)
    assert code == 4
    assert any(f"the bundle does not bring the time zone '{EARLY}'" in item for item in said)
    code, said = judged(files, RELEASE)  # where the machine has the release nothing is missing
    assert code == 0
    code, said = judged(honest(), late=None)
    assert code == 4
    assert about(LATE, said) == [
        f"{LATE}: the time zone '{LATE}' is not known on this machine, and is not compared."
    ]


def test_a_zone_file_that_is_none_is_malformed(judged: Any) -> None:
    chance, files = Random(7), honest()
    for text in (b"", b"TZif", b"x" * 70_000, fixed(25)):
        files[f"zones/{LATE}"] = [text]
        assert judged(files)[0] == 2
    files[f"zones/{LATE}"] = [fixed(24)]  # it is read, and has no day
    assert judged(files)[0] in (1, 2)
    whole = written(LATE)
    for _ in range(60):
        spoilt = bytearray(whole)
        for at in chance.sample(range(len(whole)), chance.randint(1, 9)):
            spoilt[at] = chance.randrange(256)
        files[f"zones/{LATE}"] = [bytes(spoilt)]
        assert judged(files)[0] in (0, 1, 2, 4)

"""`aeo demo partners`: two registers that follow each other and an edge, on one machine.

China (CN) and Korea (KR) each run an instance that is authoritative for its own operators, and
Singapore (SG) an edge that is filled by China. What one records is asked for at the others, over
HTTP, and every step is timed. A promise that is not fulfilled is in the table, and in the result.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from api.access.client_tokens import NoToken
from api.access.renewed_tokens import RenewedToken
from api.access.tokens import issue
from api.demonstrations.instances import Instance, NotStarted, Server, run_command
from api.demonstrations.requests import (
    GraphQLClient,
    NotAnswered,
    WebhookReceiver,
    certify,
    day_before_today,
)
from api.local.processes import ENDING

Say = Callable[[str], None]
TIN, KOREAN = "CN7000000001", "KR7000000001"  # operators that the demonstration registers
PATIENCE = 120.0  # seconds after which a promise is taken for broken
POLL = 0.02  # seconds between two questions whether something is seen
RECEIPT = (
    'query ($tin: TIN!) { recognition(tin: $tin, in: "SG", receipt: true)'
    " { outcome receipt { id } } }"
)
DIVERGENCES = "{ myDivergences { edges { node { receipt { id } tin answered correct since } } } }"
WEBHOOK = (
    "mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) {"
    " ... on WebhookReceipt { secret } ... on Refused { code message } } }"
)


@dataclass(frozen=True)
class DemoStep:
    """A step. `seconds`: how long it took; `within`: the promise, where there is one."""

    what: str
    seconds: float
    within: float | None = None
    failure: str | None = None

    @property
    def fulfilled(self) -> bool:
        """Whether it happened, and in time."""
        return self.failure is None and (self.within is None or self.seconds <= self.within)


class Interrupted(BaseException):
    """A signal asked the demonstration to end. Not an Exception, so that no retry handles it."""


def demonstrate(say: Say, within: float = 1.0) -> list[DemoStep]:
    """Runs the demonstration and removes everything that it made. Returns its steps.

    `within`: the seconds in which a suspension is to be seen at the partners. Where a step does not
    happen, the step says why, and the logs of all processes are saved. Raises Interrupted.
    """
    folder = Path(tempfile.mkdtemp(prefix="aeo-demo-"))
    folder.chmod(0o711)  # as root the database is run by another user, who must get through
    with _until_signal():
        try:
            with ExitStack() as stack:
                show = _Show(folder, stack, say, within)
                try:
                    show.run()
                except (NotStarted, NotAnswered, NoToken) as error:
                    show.failed(str(error))
                if any(step.failure for step in show.steps):
                    say(f"a step failed: the logs of all processes are in {_keep_logs(folder)}")
                return show.steps
        finally:
            _ignore_signals()
            shutil.rmtree(folder, ignore_errors=True)


def _keep_logs(folder: Path) -> Path:
    """Copies the logs of all processes to a folder that stays. Returns it."""
    saved = Path(tempfile.mkdtemp(prefix="aeo-failed-demo-"))
    for log in folder.rglob("*.log"):
        where = saved / log.relative_to(folder)
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, where)
    return saved


class _Show:
    def __init__(self, folder: Path, stack: ExitStack, say: Say, within: float) -> None:
        self._folder, self._stack, self._say, self._within = folder, stack, say, within
        self._began = time.monotonic()
        self._doing, self._since = "begin", self._began
        self._servers: list[Server] = []
        stack.callback(self._stop)
        self.steps: list[DemoStep] = []

    def run(self) -> None:
        """All steps. Each relies on those before it."""
        with self._step("two instances start, CN and KR, each with its own database"):
            self._start()
        with self._step("they give each other a key, and follow each other"):
            self._introduce()
        with self._step("an edge in SG is filled from a golden copy of CN"):
            self._open_edge()
        self._certify()
        self._suspend()
        self._lose_one()

    def failed(self, why: str) -> None:
        """Notes that the present step did not happen."""
        self._add(DemoStep(self._doing, time.monotonic() - self._since, failure=why))

    # ------------------------------------------------------------------- steps

    def _start(self) -> None:
        files = {code: self._folder / code / "peers.json" for code in ("CN", "KR")}
        self._cn, self._kr = (
            Instance(self._folder / code, code, peer, files[code])
            for code, peer in (("CN", "KR"), ("KR", "CN"))
        )
        for here, peer in ((self._cn, self._kr), (self._kr, self._cn)):
            followed = {"name": peer.code, "url": peer.url, "administrations": [peer.code]}
            followed["client_file"] = self._client_file(here.code, peer.code).name
            files[here.code].write_text(json.dumps({"peer": [followed]}), encoding="utf-8")
            self._begin(here)
        for here in (self._cn, self._kr):
            here.wait_until_ready(self._show_lines)
        self._china, self._korea = (
            self._client(here.url, partial(issue, f"officer:{here.code}", here.home))
            for here in (self._cn, self._kr)
        )

    def _introduce(self) -> None:
        """Whoever follows needs a client there; the followers wait until its file is written."""
        pairs = ((self._cn, "KR"), (self._kr, "CN"), (self._cn, "SG"))
        (self._folder / "SG").mkdir()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda pair: self._make_client(*pair), pairs))
        self._singapore = self._client(self._cn.url, RenewedToken(self._client_file("SG", "CN")))
        certify(self._korea, KOREAN, ["CN"])
        self._until(lambda: self._china.outcome(KOREAN, "CN") == "RECOGNISED")

    def _open_edge(self) -> None:
        run_command("golden-copy", "make", "--for", "SG", "--home", str(self._cn.home))
        place = self._folder / "SG" / "edge"
        edge = Server(
            place,
            *("edge", "--from", self._cn.url, "--for", "SG", "--edge-home", str(place)),
            *("--client", str(self._client_file("SG", "CN"))),
        )
        self._begin(edge)
        edge.wait_until_ready(self._show_lines)
        self._edge = self._client(edge.url, None)

    def _certify(self) -> None:
        with self._step(f"CN certifies an operator, {TIN}"):
            certify(self._china, TIN, ["KR", "SG"])
        began = time.monotonic()
        self._seen("RECOGNISED", began, self._within)
        with self._step("SG asks CN for a signed receipt, and registers a webhook there"):
            answer = self._singapore.ask(RECEIPT, tin=TIN)["recognition"]
            self._require(answer["outcome"] == "RECOGNISED", f"CN answers {answer['outcome']}")
            self._receipt = answer["receipt"]["id"]
            self._receiver = self._stack.enter_context(WebhookReceiver())
            fields = {"for": "SG", "url": self._receiver.url, "signature": "HMAC"}
            input = {"commandId": self._receipt, **fields}
            outcome = self._singapore.ask(WEBHOOK, input=input)["registerWebhook"]
            self._require("secret" in outcome, f"registerWebhook: {outcome.get('message')}")
            self._receiver.secret = outcome["secret"]

    def _suspend(self) -> None:
        effective = day_before_today(2)
        fields = {"reason": "an examination of the books", "legalGround": "a demonstration"}
        with self._step(f"CN suspends {TIN}, as of {effective}"):
            began = time.monotonic()
            self._china.command("suspendAuthorisation", tin=TIN, effective=effective, **fields)
        self._seen("NOT_RECOGNISED", began, self._within)
        self._watch(
            "a signed webhook arrives in SG",
            lambda: any(at > began for at in self._receiver.genuine),
            began,
            self._within * 2,
        )
        self._require(not self._receiver.refused, "a message had no good signature")
        self._watch(
            "SG's receipt of before has turned: myDivergences names it",
            lambda: self._receipt in str(self._singapore.ask(DIVERGENCES)),
            began,
            self._within * 5,
        )

    def _lose_one(self) -> None:
        with self._step("KR is killed, all its processes at once (SIGKILL)"):
            self._kr.kill()
            self._korea.close()
        with self._step("meanwhile CN lifts the suspension, and SG's edge goes on"):
            self._china.command("liftSuspension", tin=TIN, legalGround="a demonstration")
            self._until(lambda: self._edge.outcome(TIN, "SG") == "RECOGNISED")
        with self._step("KR comes back"):
            began = time.monotonic()
            self._begin(self._kr)
            self._kr.wait_until_ready(self._show_lines)
        self._watch(
            "KR has caught up: it recognises the operator again",
            lambda: self._korea.outcome(TIN, "KR") == "RECOGNISED",
            began,
            None,
        )
        with self._step("KR refuses to change an operator of CN"):
            try:
                self._korea.command("suspendAuthorisation", tin=TIN, reason="a test")
            except NotAnswered as refusal:
                self._note(str(refusal))
            else:
                raise NotAnswered("KR recorded a suspension of an operator of CN")

    # ------------------------------------------------------------------- inside

    def _begin(self, server: Server) -> None:
        """Starts a process, in another thread: a signal that arrives meanwhile does not keep its
        process id from being known to `_stop`."""
        if server not in self._servers:
            self._servers.append(server)
        with ThreadPoolExecutor() as threads:
            threads.submit(server.start).result()

    def _stop(self) -> None:
        """Ends all processes, at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda server: server.stop(), self._servers))

    def _seen(self, outcome: str, began: float, within: float) -> None:
        """Waits at both partners at once, so that neither is timed by the other."""
        places = (("KR", self._korea, "KR"), ("the edge in SG", self._edge, "SG"))
        self._says_begun(f"{outcome} is to be the answer in KR and in the edge in SG")
        with ThreadPoolExecutor() as threads:
            watching = [
                threads.submit(self._reached, client, territory, outcome, began)
                for _, client, territory in places
            ]
            for (place, _, _), seconds in zip(places, watching, strict=True):
                what = f"{outcome} is the answer in {place}"
                found = seconds.result()
                failure = None if found is not None else f"not after {PATIENCE:g} s"
                self._add(DemoStep(what, found or PATIENCE, within, failure))

    def _reached(
        self, client: GraphQLClient, territory: str, outcome: str, began: float
    ) -> float | None:
        try:
            self._until(lambda: client.outcome(TIN, territory) == outcome)
        except NotAnswered:
            return None
        return time.monotonic() - began

    def _watch(
        self, what: str, seen: Callable[[], bool], began: float, within: float | None
    ) -> None:
        self._doing, self._since = what, began
        self._says_begun(what)
        self._until(seen)
        self._add(DemoStep(what, time.monotonic() - began, within))

    def _until(self, seen: Callable[[], bool]) -> None:
        """Waits until something is seen. Raises NotAnswered where it is not in time."""
        end = time.monotonic() + PATIENCE
        while not seen():
            self._require(time.monotonic() < end, f"not after {PATIENCE:g} s")
            time.sleep(POLL)

    @staticmethod
    def _require(holds: bool, sentence: str) -> None:
        if not holds:
            raise NotAnswered(sentence)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._doing, self._since = what, time.monotonic()
        self._says_begun(what)
        yield
        self._add(DemoStep(what, time.monotonic() - self._since))

    def _show_lines(self) -> None:
        """Shows which steps the servers have begun or done since it was called last."""
        for server in self._servers:
            for line in server.new_lines():
                if not line.startswith(("migrated ", " ")):
                    self._note(f"{server.folder.name}: {line}")

    def _says_begun(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._began:8.2f} s  {what} ...")

    def _note(self, line: str) -> None:
        self._say(f"{'':12}{line}")

    def _add(self, step: DemoStep) -> None:
        self.steps.append(step)
        promise = f" (promised: {step.within:g} s)" if step.within is not None else ""
        failed = f": {step.failure}" if step.failure else "" if step.fulfilled else ": TOO LATE"
        at = time.monotonic() - self._began
        self._say(f"{at:8.2f} s  {step.what}: {step.seconds:.2f} s{promise}{failed}")

    def _client(self, url: str, token: Callable[[], str] | None) -> GraphQLClient:
        client = GraphQLClient(url, token)
        self._stack.callback(client.close)
        return client

    def _client_file(self, of: str, at: str) -> Path:
        return self._folder / of / f"{of.lower()}-at-{at.lower()}.json"

    def _make_client(self, here: Instance, partner: str) -> None:
        file = self._client_file(partner, here.code)
        words = ("--url", here.url, "--out", str(file), "--home", str(here.home))
        run_command("client", "new", f"partner:{partner}", *words)


def _ignore_signals() -> None:
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)


@contextmanager
def _until_signal() -> Iterator[None]:
    """Ends the block with Interrupted on Ctrl-C, SIGTERM or SIGHUP. Further signals are ignored, so
    that they do not interrupt the clean-up."""

    def stop(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise Interrupted

    before = {ending: signal.signal(ending, stop) for ending in ENDING}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)

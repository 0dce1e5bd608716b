"""What a partner's programmer does from the first page to the first webhook: eight steps, each with
examples that tests run (decision 0285)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from registry.paths import EXAMPLES


@cache
def text(name: str) -> str:
    """Returns an example from its file."""
    return (EXAMPLES / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class StepExample:
    """An example in one language. `name`: of its file. `run`: the command that runs it."""

    language: str
    name: str
    run: str

    @property
    def text(self) -> str:
        """The source text of the example."""
        return text(self.name)


@dataclass(frozen=True)
class DeveloperStep:
    """A step. `key`: its id in the page. `words`: what is done, and what comes back."""

    key: str
    title: str
    words: str
    examples: tuple[StepExample, ...]


def _three(curl: str, python: str, javascript: str, words: str = "") -> tuple[StepExample, ...]:
    return tuple(
        StepExample(language, name, f"{program} {name} {words}".rstrip())
        for language, program, name in (
            ("curl", "sh", curl),
            ("Python", "python3", python),
            ("JavaScript", "node", javascript),
        )
    )


STEPS = (
    DeveloperStep(
        "find-issuer",
        "Find who issues tokens",
        "Ask with any token: the answer is 401, and its header WWW-Authenticate names the metadata"
        " of this service (RFC 9728), which name the issuers. Nothing else has to be configured.",
        _three("find_issuer.sh", "find_issuer.py", "find_issuer.mjs"),
    ),
    DeveloperStep(
        "register-key",
        "Register a key",
        "Your program makes a key pair and keeps the private part. An officer of your"
        " administration registers the program (registerClient) and its public part"
        " (addClientKey), here with the officer's token in REGISTRY_OFFICER. Where your own"
        " issuer gives tokens, register the key there.",
        _three("register_key.sh", "register_key.py", "register_key.mjs", "sg-border"),
    ),
    DeveloperStep(
        "get-token",
        "Get a token",
        "The program signs who it is, for this issuer alone, for a minute, once (private_key_jwt,"
        " RFC 7523), and gets an access token for five minutes. Renew it before it ends.",
        (
            StepExample("curl", "access_token.sh", "sh access_token.sh sg-border ISSUER"),
            StepExample("Python", "access_token.py", "python3 access_token.py sg-border.json"),
            StepExample("JavaScript", "access_token.mjs", "node access_token.mjs sg-border.json"),
        ),
    ),
    DeveloperStep(
        "first-question",
        "Ask the first question",
        "Was this operator recognised on that day, by what was known then, and by what was known"
        " later? The token is in REGISTRY_TOKEN.",
        _three("ask.sh", "ask.py", "ask.mjs"),
    ),
    DeveloperStep(
        "check-receipt",
        "Ask for a receipt, and check it offline",
        "A receipt is what the register answered, signed (vc+jwt, Ed25519). With the key set, which"
        " is had once, it is verified without the register, also years later. Where a later"
        " record changes the answer, myDivergences names the receipt.",
        _three("receipt.sh", "receipt.py", "receipt.mjs", "CN0000000012"),
    ),
    DeveloperStep(
        "read-changes",
        "Read what changed",
        "changes gives, page by page, for which operators the answer became another. Keep next and"
        " epoch of a page as your cursor. sync.py keeps the whole list that way.",
        (
            StepExample("curl", "changes.sh", "sh changes.sh 0"),
            StepExample("Python", "sync.py", "python3 sync.py SG kept.json"),
            StepExample("JavaScript", "changes.mjs", "node changes.mjs cursor.json"),
        ),
    ),
    DeveloperStep(
        "follow-changes",
        "Be told while you are connected",
        "The subscription sends each change as it becomes known. After an interruption subscribe"
        " again from next of the last one: nothing is lost.",
        _three("follow.sh", "follow.py", "follow.mjs"),
    ),
    DeveloperStep(
        "first-webhook",
        "Be told by a webhook",
        "Register an address; the receipt has the secret, once. Then check the signature of each"
        " message (Standard Webhooks) before you believe it, answer, and read what it points to."
        " The page of your webhooks shows how far they are and why one fails.",
        (
            StepExample("curl", "register_webhook.sh", "sh register_webhook.sh URL"),
            StepExample("Python", "webhook.py", "python3 webhook.py 9000"),
            StepExample("JavaScript", "webhook.mjs", "node webhook.mjs 9000"),
        ),
    ),
)

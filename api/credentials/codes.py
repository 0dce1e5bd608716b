"""The codes on certificates, and the tokens in links that show them."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256

#: Base 32 without I, L, O and U (Crockford), which are mistaken for others.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20  # characters: 100 random bits
GROUP = 5
TOKEN_BYTES = 32

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_code() -> str:
    """Returns a code that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(typed: str) -> str | None:
    """Returns the code that was typed, in its one form; None for what cannot be one."""
    code = re.sub(r"[\s-]", "", typed.upper()[:200])
    code = code.replace("O", "0").replace("I", "1").replace("L", "1")
    return code if _CODE.fullmatch(code) else None


def grouped(code: str) -> str:
    """Returns a code as it is printed: in groups of five."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def new_token() -> str:
    """Returns the token of a link."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes | None:
    """Returns what is stored of a token; None for what cannot be one."""
    return sha256(token.encode()).digest() if _TOKEN.fullmatch(token) else None

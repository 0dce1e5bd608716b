"""Checks the ML-DSA-44 line of a checkpoint with nothing of ours: by `dilithium-py`, from PyPI.

    python mldsa.py CHECKPOINT VKEY

No program of a stranger reads such lines (type 0x06 of C2SP signed-note) yet; what such a line
signs is put together here from the text of C2SP tlog-cosignature alone. Ends with 1 and why.
"""

import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from dilithium_py.ml_dsa import ML_DSA_44


def check(checkpoint: str, vkey: str) -> str | None:
    """What is wrong, or None."""
    name, id, key = vkey.split("+", 2)
    public = b64decode(key, validate=True)
    if public[0] != 6 or sha256(name.encode() + b"\n" + public).digest()[:4].hex() != id:
        return "this is no key of ML-DSA-44, or not of that id"
    text, _, lines = checkpoint.rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    for line in lines.splitlines():
        dash, signer, said = line.split(" ")
        body = b64decode(said, validate=True)
        if (dash, signer, body[:4].hex()) != ("\N{EM DASH}", name, id):
            continue
        message = (
            b"subtree/v1\n\0"
            + _sized(name)
            + body[4:12]  # the second at which it was signed
            + _sized(origin)
            + bytes(8)
            + int(size).to_bytes(8, "big")
            + b64decode(root)
        )
        good = ML_DSA_44.verify(public[1:], message, body[12:])
        return None if good else "the signature is not of this checkpoint"
    return f"{name} has not signed it"


def _sized(text: str) -> bytes:
    return bytes([len(text.encode())]) + text.encode()


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]))

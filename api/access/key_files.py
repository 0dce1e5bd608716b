"""Files with keys (JWK): readable by their owner only, and made once or replaced whole."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey, OKPKey


def make_key_file(path: Path, key: ECKey | OKPKey) -> None:
    """Writes a key under another name first and then links it, so that two processes that begin
    together agree on one key. A file that is there stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(key.as_dict(private=True)))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def replace_key_file(path: Path, content: dict[str, Any]) -> None:
    """Writes a key, or a set of keys, in place of the file that is there. A reader sees the old
    file or the new one, and after a crash there is one of them."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(content))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

"""How much of what is made by chance is tried: what a change can wait for, or more at night."""

from __future__ import annotations

import os
from typing import Final

#: `AEO_TEST_TIMES=20 ./aeo test` tries so many times as many examples, worlds and documents.
TIMES: Final[int] = int(os.environ.get("AEO_TEST_TIMES", "1"))

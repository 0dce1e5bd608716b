"""schemathesis as it is typed, over GraphQL or OpenAPI: as many cases as the argument says, or of
OpenAPI fewer, for an address without parameters is asked once."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

URL = os.environ["REGISTRY_URL"]


def operations_of(address: str) -> int:
    """How many operations are tested: those of the OpenAPI document, or the fields of GraphQL."""
    if address.endswith("/graphql"):
        query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }"
        body = json.dumps({"query": query}).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(address, body, headers)
        with urllib.request.urlopen(asked) as answer:
            schema = json.load(answer)["data"]["__schema"]
        return sum(len(schema[kind]["fields"]) for kind in ("queryType", "mutationType"))
    with urllib.request.urlopen(address) as answer:
        paths: dict[str, dict[str, Any]] = json.load(answer)["paths"]
    verbs = {"get", "put", "post", "delete", "options", "head", "patch"}
    return sum(len(verbs & set(path)) for path in paths.values())


#: Of OpenAPI it is also compared with its description.
AS_DESCRIBED = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


#: The answer of a HEAD has no body, which schemathesis reads as JSON all the same; that every HEAD
#: equals its GET is held by tests/api/http/test_openapi.py.
LEFT_OUT = {"OpenAPI": ("--exclude-method", "HEAD")}


def fuzz(what: str, address: str, cases: int, *checks: str) -> bool:
    most = math.ceil(cases / operations_of(address))
    report = Path(f"schemathesis-{what}.json").resolve()
    done = subprocess.run(
        [
            "schemathesis",
            "run",
            address,
            "--checks",
            ",".join(["no_fault", *checks]),
            "--phases",
            "fuzzing",
            "--max-examples",
            str(most),
            # One thread: CPython before 3.11.5 fails now and then where two read sources at once
            # ("AST constructor recursion depth mismatch", gh-106905).
            "--workers",
            "1",
            "--no-shrink",
            "--continue-on-failure",
            "--request-timeout",
            "60",  # seconds; a machine that tests many things at once is slow
            "--header",
            f"Authorization: Bearer {os.environ['REGISTRY_OFFICER']}",
            "--report",
            "json",
            "--report-json-path",
            str(report),
            "--no-color",
            *LEFT_OUT.get(what, ()),
        ],
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(Path("fuzzing.py").resolve())},
        capture_output=True,
        text=True,
    )
    told = next((line for line in done.stdout.splitlines() if " generated, " in line), "no cases")
    if done.returncode:
        found = (done.stdout.partition(f" {title} ")[2] for title in ("FAILURES", "ERRORS"))
        lines = next(filter(None, found), done.stdout[-1500:] + done.stderr[-500:])
        print(f"failed\t{what}: {told.strip()}\t{' '.join(lines.split())[:1500]}")
        return False
    print(f"ok\t{what}: {told.strip()}; no status of 500, no fault of the register")
    return True


if __name__ == "__main__":
    what, cases = sys.argv[1], int(sys.argv[2])
    if what == "GraphQL":
        good = fuzz(what, f"{URL}/graphql", cases)
    else:
        good = fuzz(what, f"{URL}/openapi.json", cases, *AS_DESCRIBED)
    raise SystemExit(0 if good else 1)

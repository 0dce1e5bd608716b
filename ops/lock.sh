#!/bin/sh
# Renews both locks from pyproject.toml (needs uv). Neither says where a package was fetched from:
# the hashes say what it must be, and every machine has its own index.
#
#   ops/lock.sh              keep the versions already locked, where they still fit
#   ops/lock.sh --upgrade    take the newest that fit
set -eu
cd -- "$(dirname -- "$0")/.."

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate pyproject.toml "$@"
}

compile --output-file ops/requirements.txt "$@"
# The test lock holds everything of the other at the same versions, so ./aeo test installs it alone.
compile --extra test --constraint ops/requirements.txt \
    --output-file ops/requirements-test.txt "$@"

#!/bin/sh
# What is asked of a change before it is committed, in under two minutes: the layout, the rules of
# the house, the types, the arrows between the rooms, and the tests that fail first. Whatever is
# given is run in place of those: ops/check.sh tests/registry/domain. The whole suite is ./aeo test.
set -eu
cd -- "$(dirname -- "$0")/.."

./aeo test --version >/dev/null # makes the environment, where there is none
bin=${AEO_VENV:-.venv}/bin

"$bin/ruff" format --check --quiet .
"$bin/ruff" check --quiet .
"$bin/mypy" --strict registry projections api
"$bin/lint-imports" >/dev/null || "$bin/lint-imports" # its words only where it has something to say
[ $# -gt 0 ] || set -- tests/test_acceptance.py tests/registry/ledger/test_stored_events.py \
    tests/registry/application tests/api/graphql/test_schema.py
./aeo test -q "$@"

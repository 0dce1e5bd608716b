#!/bin/sh
# All that is asked of a change, the quick questions first. Arguments go to pytest.
set -eu
cd -- "$(dirname -- "$0")/.."

./aeo test --version >/dev/null # makes the environment, where there is none
bin=${AEO_VENV:-.venv}/bin

"$bin/ruff" check .
"$bin/mypy" --strict registry projections api
"$bin/lint-imports"
./aeo test "$@"

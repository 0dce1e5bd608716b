"""python3 sync.py SG kept.json: what Singapore recognises, kept up to date; run it every night."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

CHANGES = """
query Changes($for: AdministrationCode!, $after: Position!, $since: DateTime, $epoch: String) {
  changes(for: $for, after: $after, since: $since, epoch: $epoch, details: true) {
    next head at epoch
    changes {
      tin effectiveFrom
      course { from to outcome bases { identifierScheme identifier declarationBox } }
      operator { name identifiers { scheme value } }
    }
  }
}"""
BEGINNING = {"after": 0, "since": None, "epoch": None, "operators": {}}


def ask(variables):
    body = json.dumps({"query": CHANGES, "variables": variables}).encode()
    token = os.environ["REGISTRY_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())  # run it again later: it goes on from what it kept
    except OSError as error:
        sys.exit(f"nobody answers: {error}")


territory, file = sys.argv[1], Path(sys.argv[2])
kept = json.loads(file.read_text()) if file.exists() else BEGINNING
while True:
    cursor = {name: kept[name] for name in ("after", "since", "epoch")}
    answer = ask({"for": territory, **cursor})
    if "errors" in answer:
        if answer["errors"][0]["extensions"]["code"] != "EPOCH":
            sys.exit(answer["errors"][0]["message"])
        kept = BEGINNING  # the ledger was restored from a copy: read it from the beginning
        continue
    page, operators = answer["data"]["changes"], dict(kept["operators"])
    for change in page["changes"]:  # the new course instead of the old one, from its first day on
        course = operators.get(change["tin"], {"course": []})["course"]
        before = [stretch for stretch in course if stretch["from"] < change["effectiveFrom"]]
        kept_of_it = {"course": before + change["course"], "operator": change["operator"]}
        operators[change["tin"]] = kept_of_it
    kept = {"after": page["next"], "since": page["at"], "epoch": page["epoch"]}
    kept["operators"] = operators
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(kept))
    draft.replace(file)  # whole or not at all: stopped anywhere, it goes on from here
    if page["next"] >= page["head"]:
        break

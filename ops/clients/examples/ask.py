"""python3 ask.py: the first question, with Python's own library."""

import json
import os
import urllib.request

QUESTION = """
query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
  early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
  late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
}"""
variables = {
    "tin": "CN0000000012",
    "in": "SG",
    "early": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-06T00:00:00Z"},
    "late": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-11T00:00:00Z"},
}
body = json.dumps({"query": QUESTION, "variables": variables}).encode()
headers = {"Authorization": f"Bearer {os.environ['REGISTRY_TOKEN']}"}
headers["Content-Type"] = "application/json"
request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.read().decode())

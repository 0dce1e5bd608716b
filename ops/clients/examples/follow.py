"""python3 follow.py [POSITION]: what Singapore recognises, told as it changes (SSE)."""

import json
import os
import sys
import urllib.request

SUBSCRIPTION = """subscription ($after: Position) {
  recognitionChanged(for: "SG", after: $after) { tin was now effectiveFrom next epoch }
}"""
after = int(sys.argv[1]) if len(sys.argv) > 1 else None
body = json.dumps({"query": SUBSCRIPTION, "variables": {"after": after}}).encode()
headers = {"Authorization": f"Bearer {os.environ['REGISTRY_TOKEN']}"}
headers |= {"Accept": "text/event-stream", "Content-Type": "application/json"}
request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
with urllib.request.urlopen(request, timeout=60) as answer:  # a line comes every 12 seconds
    for line in answer:
        if line.startswith(b"data: {"):
            change = json.loads(line.removeprefix(b"data: "))["data"]["recognitionChanged"]
            print(json.dumps(change), flush=True)  # keep `next` and `epoch` for the next time

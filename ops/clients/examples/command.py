"""python3 command.py CN0000000099 Name: registers an operator once, whatever happens on the way."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

REGISTER = """
mutation Register($input: RegisterOperatorInput!) {
  registerOperator(input: $input) {
    __typename
    ... on Recorded { position epoch }
    ... on Refused { code message path }
  }
}"""


def send(document, variables):
    """Sent until somebody says what became of it."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    token = os.environ["REGISTRY_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
    for attempt in range(8):
        wait = 2**attempt / 10
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 500, 502, 503, 504):
                sys.exit(error.read().decode())  # refused at the door: the request is wrong
            wait = float(error.headers.get("Retry-After", wait))
        except OSError:
            pass  # no answer: nobody knows whether it was recorded, and asking again tells
        time.sleep(wait)
    sys.exit("nobody answers; keep the commandId, and send the same again later")


# Made once and kept beside your own record, before the first attempt.
command_id = str(uuid.uuid4())
said = {"commandId": command_id, "tin": sys.argv[1], "name": sys.argv[2], "roles": ["EXPORTER"]}
answer = send(REGISTER, {"input": said})
if "errors" in answer:
    sys.exit(answer["errors"][0]["message"])
outcome = answer["data"]["registerOperator"]
if outcome["__typename"] == "Refused":
    sys.exit(f"{outcome['code']}: {outcome['message']}")
print(f"{outcome['epoch']}:{outcome['position']}")

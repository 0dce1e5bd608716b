"""python3 register_key.py sg-border: makes a key (sg-border.json), and registers its public part.

An officer of your administration does the second part: REGISTRY_OFFICER is the officer's token.
Needs: pip install joserfc
"""

import json
import os
import sys
import urllib.request
import uuid

from joserfc.jwk import ECKey

REGISTER = """
mutation ($client: RegisterClientInput!, $key: AddClientKeyInput!) {
  registerClient(input: $client) { __typename ... on Refused { code message } }
  addClientKey(input: $key) { __typename ... on Refused { code message } }
}"""

client, url = sys.argv[1], os.environ["REGISTRY_URL"]
key = ECKey.generate_key("P-256")
private = key.as_dict(private=True, kid=key.thumbprint())
with open(os.open(f"{client}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
    json.dump({"issuer": url, "client": client, "key": private}, file)  # you alone can read it

about = {"client": client, "name": "Border system", "actsFor": "partner:SG"}
variables = {
    "client": {"commandId": str(uuid.uuid4()), **about},
    "key": {"commandId": str(uuid.uuid4()), "client": client, "key": key.as_dict(private=False)},
}
body = json.dumps({"query": REGISTER, "variables": variables}).encode()
headers = {"Authorization": f"Bearer {os.environ['REGISTRY_OFFICER']}"}
headers["Content-Type"] = "application/json"
with urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers)) as answer:
    print(answer.read().decode())

"""python3 receipt.py CN0000000012: asks with a signed receipt, and checks it without the register.

Needs: pip install joserfc
"""

import json
import os
import sys
import urllib.request

from joserfc import jwt
from joserfc.jwk import KeySet

url, token = os.environ["REGISTRY_URL"], os.environ["REGISTRY_TOKEN"]
with urllib.request.urlopen(f"{url}/log/receipt-keys") as answer:  # once, and kept
    keys = KeySet.import_key_set(json.load(answer))
question = """query ($tin: TIN!) {
  recognition(tin: $tin, in: "SG", receipt: true) { receipt { jwt } }
}"""
body = json.dumps({"query": question, "variables": {"tin": sys.argv[1]}}).encode()
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
with urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers)) as answer:
    receipt = json.load(answer)["data"]["recognition"]["receipt"]["jwt"]

found = jwt.decode(receipt, keys, algorithms=["Ed25519", "EdDSA"])  # raises where it is forged
assert found.header["typ"] == "vc+jwt"
subject = found.claims["credentialSubject"]
print(subject["question"]["tin"], subject["answer"]["outcome"], subject["askedBy"])

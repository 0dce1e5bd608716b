"""python3 find_issuer.py: prints the issuer of tokens, which a refusal leads to (RFC 9728)."""

import json
import os
import re
import urllib.error
import urllib.request

body = json.dumps({"query": "{ viewer { role } }"}).encode()
headers = {"Authorization": "Bearer none", "Content-Type": "application/json"}
request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
try:
    urllib.request.urlopen(request)
except urllib.error.HTTPError as refusal:  # 401: its challenge names the metadata
    challenge = refusal.headers["WWW-Authenticate"]
metadata = re.search('resource_metadata="([^"]+)"', challenge)[1]
with urllib.request.urlopen(metadata) as answer:
    print(json.load(answer)["authorization_servers"][0])

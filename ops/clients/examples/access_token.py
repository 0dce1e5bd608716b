"""python3 access_token.py kr-system.json: prints an access token. Needs: pip install joserfc

The file is what `aeo client new` wrote: the client's id, its private key, and the issuer. A token
is valid for five minutes; get another one then, and not one for each question.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from joserfc import jwt
from joserfc.jwk import JWKRegistry


def access_token(client):
    issuer, now = client["issuer"], int(time.time())
    with urllib.request.urlopen(f"{issuer}/.well-known/oauth-authorization-server") as answer:
        endpoint = json.load(answer)["token_endpoint"]
    # RFC 7523: the client signs who it is, for this issuer alone, for a minute, once.
    header = {"alg": "ES256", "kid": client["key"]["kid"]}
    claims = {"iss": client["client"], "sub": client["client"], "aud": issuer}
    claims |= {"jti": uuid.uuid4().hex, "iat": now, "exp": now + 60}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(header, claims, JWKRegistry.import_key(client["key"])),
    }
    try:
        with urllib.request.urlopen(endpoint, urllib.parse.urlencode(form).encode()) as answer:
            return json.load(answer)["access_token"]
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())  # error_description says what is wrong


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(access_token(json.load(file)))

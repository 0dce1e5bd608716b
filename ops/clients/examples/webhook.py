"""python3 webhook.py PORT: receives the messages of a webhook, and prints what changed."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = base64.b64decode(os.environ["REGISTRY_WEBHOOK_SECRET"].removeprefix("whsec_"))
CHANGES = """
query Changes($for: AdministrationCode!, $after: Position!, $epoch: String) {
  changes(for: $for, after: $after, epoch: $epoch) { next head changes { tin was now } }
}"""


def is_genuine(headers, body):  # the signature is over id, time and body; old messages are refused
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    signatures = [text.removeprefix("v1,") for text in headers["webhook-signature"].split()]
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and any(hmac.compare_digest(text, wanted) for text in signatures)


def read(variables):
    body = json.dumps({"query": CHANGES, "variables": variables}).encode()
    headers = {"Authorization": f"Bearer {os.environ['REGISTRY_TOKEN']}"}
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(os.environ["REGISTRY_URL"] + "/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]["changes"]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = is_genuine(self.headers, body)
        self.send_response(204 if genuine else 401)  # answer first, work afterwards
        self.end_headers()
        if genuine:  # a message says where to read; one that comes twice is read twice
            data = json.loads(body)["data"]
            page = read({"for": data["for"], "after": data["after"], "epoch": data["epoch"]})
            for change in page["changes"]:
                print(change["tin"], change["was"], change["now"], flush=True)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

"""A peer of the sender of webhooks: the same message, signed and posted by aiohttp without a pause.

It reads nothing, resolves nothing and keeps no state. Its last line is the number of messages, the
seconds and the processor seconds that it took.
"""

import asyncio
import os
import time
from base64 import b64encode

import aiohttp
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BODY = (
    b'{"type": "recognition.changed", "timestamp": "2026-01-01T00:00:00.000000Z", "data": {"for": '
    b'"CN", "epoch": "0123456789ab", "after": 1, "until": 2, "corrected": false}}'
)


async def main() -> int:
    port, lanes = os.environ["PEER_PORT"], int(os.environ["PEER_LANES"])
    end = time.monotonic() + float(os.environ["PEER_SECONDS"])
    key, sent = Ed25519PrivateKey.generate(), 0

    async def lane(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal sent
        while time.monotonic() < end:
            sent += 1
            now = str(int(time.time()))
            signed = f"msg_{sent}.{now}.".encode() + BODY
            headers = {
                "content-type": "application/json",
                "webhook-id": f"msg_{sent}",
                "webhook-timestamp": now,
                "webhook-signature": f"v1a,{b64encode(key.sign(signed)).decode()}",
            }
            url = f"http://127.0.0.1:{port}/w{number}"
            async with session.post(url, data=BODY, headers=headers) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(lane(session, number) for number in range(lanes)))
    return sent


began, used = time.monotonic(), time.process_time()
count = uvloop.run(main())
print(count, time.monotonic() - began, time.process_time() - used)

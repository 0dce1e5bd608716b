"""A peer of the subscription: the same bytes, broadcast over WebSocket by the package `websockets`.

It makes its messages itself, at an even rate, and computes, reads and logs nothing: what is left is
what the machine needs to send them. The position of each is the time at which it was made, in
microseconds.
"""

import asyncio
import json
import os
import time

import uvloop
from websockets.asyncio.server import broadcast, serve

MESSAGE = (
    '{"id":"1","type":"next","payload":{"data":{"recognitionChanged":{"position":%d,'
    '"tin":"CN0000000012","was":"RECOGNISED","now":"NOT_RECOGNISED","next":%d,'
    '"epoch":"0123456789ab"}}}}'
)


async def main() -> None:
    rate, begin = float(os.environ["PEER_RATE"]), asyncio.Event()
    connections = set()

    async def hold(connection) -> None:
        async for text in connection:
            message = json.loads(text)
            if message["type"] == "connection_init":
                await connection.send('{"type":"connection_ack","payload":{}}')
            elif message["type"] == "subscribe":
                connections.add(connection)
            else:  # the bench says how many messages it wants
                begin.count = message["count"]
                begin.set()
        connections.discard(connection)

    async with serve(
        hold,
        "127.0.0.1",
        int(os.environ["PEER_PORT"]),
        subprotocols=["graphql-transport-ws"],
        compression=None,
    ):
        while True:
            await begin.wait()
            begin.clear()
            began = time.monotonic()
            for number in range(begin.count):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                now = int(time.time() * 1_000_000)
                broadcast(connections, MESSAGE % (now, now))


uvloop.run(main())

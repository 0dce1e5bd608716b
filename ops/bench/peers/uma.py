"""UmaDB by its own client: so many threads, each appending one event to a stream of its own.

python uma.py URL WRITERS SECONDS STATE: an append is refused if the stream was begun meanwhile.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from umadb import AppendCondition, Client, Event, Query, QueryItem

url, writers, seconds, state = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]


def write(client: Client, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        id = uuid4()
        stream = f"operator:{id}"
        condition = AppendCondition(Query([QueryItem(tags=[stream])]))
        client.append([Event("operator.granted", state.encode(), [stream], id)], condition)
        done += 1
    return done


clients = [Client(url) for _ in range(writers)]
write(clients[0], time.monotonic() + 0.2)
with ThreadPoolExecutor(writers) as threads:
    until = time.monotonic() + seconds
    done = sum(threads.map(lambda client: write(client, until), clients))
print(f"rate {done / seconds}")

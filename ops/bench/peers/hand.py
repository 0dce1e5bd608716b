"""As fast as it can be written by hand: no GraphQL is executed, the text of a question is a key.

    PEER_DATABASE=... PEER_COALESCE=1 uvicorn hand:app

One prepared statement a request makes the answer as JSON text; with PEER_COALESCE the requests
that wait together share one. Nobody is identified and nothing is limited or logged: this is the
limit of the machine, not a server that anyone could run.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import asyncpg
import orjson

#: Question text -> name, and name -> statement over `keys text[]`, in the order of its keys.
QUESTIONS: dict[str, str] = json.loads(Path(os.environ["PEER_QUESTIONS"]).read_text())
STATEMENTS: dict[str, str] = json.loads(Path(os.environ["PEER_STATEMENTS"]).read_text())
MOST = 64  # requests in one statement
JSON = [(b"content-type", b"application/json")]


class Coalescer:
    """The requests of one question that arrive while a statement runs go together in the next."""

    def __init__(self, pool: asyncpg.Pool, statement: str) -> None:
        self.pool, self.statement = pool, statement
        self.waiting: list[tuple[str, asyncio.Future[str]]] = []
        self.running = 0
        self.task: asyncio.Task[None] | None = None

    async def ask(self, key: str) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append((key, answer))
        if self.running < 2:
            self.running += 1
            self.task = asyncio.create_task(self.run())  # held, or it may be collected
        return await answer

    async def run(self) -> None:
        try:
            while self.waiting:
                batch, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
                rows = await self.pool.fetch(self.statement, [key for key, _ in batch])
                for row, (_, answer) in zip(rows, batch, strict=True):
                    answer.set_result(row[0])
        finally:
            self.running -= 1


class App:
    async def start(self) -> None:
        self.pool = await asyncpg.create_pool(os.environ["PEER_DATABASE"], min_size=2, max_size=8)
        self.coalescers = (
            {name: Coalescer(self.pool, text) for name, text in STATEMENTS.items()}
            if os.environ.get("PEER_COALESCE")
            else {}
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await self.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["method"] != "POST":
            await self.send(send, b"{}")
            return
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        asked = orjson.loads(body)
        name, given = QUESTIONS[asked["query"]], asked["variables"]
        if "tins" in given:
            rows = await self.pool.fetch(
                STATEMENTS[name],
                [f"{tin} {given['in']}" if "in" in given else tin for tin in given["tins"]],
            )
            text = f"[{','.join(row[0] for row in rows)}]"
        else:
            key = f"{given['tin']} {given['in']}" if "in" in given else given["tin"]
            if self.coalescers:
                text = await self.coalescers[name].ask(key)
            else:
                text = await self.pool.fetchval(STATEMENTS[name], [key])
        field = asked["query"].split("{", 1)[1].split("(", 1)[0].strip()
        await self.send(send, f'{{"data":{{"{field}":{text}}}}}'.encode())

    async def send(self, send: Any, body: bytes) -> None:
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": JSON + length})
        await send({"type": "http.response.body", "body": body})


app = App()

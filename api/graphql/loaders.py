"""Data loaders: one SELECT for all objects on one level of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from strawberry.dataloader import DataLoader

from api.graphql.context import Context
from api.graphql.positions import ConnectionPool

K = TypeVar("K")
V = TypeVar("V")


async def load(
    context: Context,
    read: Callable[..., Awaitable[Mapping[K, V]]],
    *arguments: object,
    key: K,
    of: ConnectionPool | None = None,
) -> V | None:
    """What `read(connection, *arguments, keys)` finds for this key, in the read models or in the
    pool `of`.

    The keys asked for in the same turn of the event loop are read together, and cached for the rest
    of the request.
    """

    async def all_of(keys: list[K]) -> list[V | None]:
        async with (of or context.views).connection() as connection:
            found = await read(connection, *arguments, keys)
        return [found.get(key) for key in keys]

    name = f"{read.__module__}.{read.__qualname__}{arguments}"
    loader = context.once(name, lambda: DataLoader(load_fn=cast(Any, all_of)))
    return cast("V | None", await loader.load(key))

"""The schema, assembled from its parts."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.events import EventQuery
from api.glossary import describe
from api.mutations import Mutation
from api.viewer import ViewerQuery
from api.vocabulary import SCALARS


@strawberry.type(description="Everything that can be asked.")
class Query(EventQuery, ViewerQuery): ...


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)
core = schema._schema
describe(core)
